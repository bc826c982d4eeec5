//! The report for servers that run tests: JUnit's XML.

use std::time::Duration;

use quick_junit::{NonSuccessKind, SerializeError, TestCase, TestCaseStatus, TestSuite};
use voicecall_sim::media_streams::{CallReport, Report};

use super::text;

/// A test suite with the scenario's name, and a test case for each call.
pub(crate) fn of(report: &Report) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(&*report.scenario);
    suite.add_property(("url", &*report.url));
    suite.add_test_cases(report.calls.iter().map(|call| test_case(call, &report.scenario)));
    quick_junit::Report::new("voicecall-sim").add_test_suite(suite).to_string()
}

fn test_case(call: &CallReport, scenario: &str) -> TestCase {
    let mut case = TestCase::new(format!("call {}", call.number), status(call));
    case.set_classname(scenario).set_time(Duration::from_millis(call.connect_ms + call.duration_ms));
    case.add_property(("call_sid", &*call.call_sid));
    case.set_system_out(text::call(call));
    case
}

/// JUnit knows one failure of a test case: the first, with the others in its description.
fn status(call: &CallReport) -> TestCaseStatus {
    let Some(first) = call.failures.first() else { return TestCaseStatus::success() };
    let all: Vec<String> =
        call.failures.iter().map(|failure| format!("{}: {}", failure.kind.as_str(), failure.message)).collect();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(first.kind.as_str()).set_message(&*first.message).set_description(all.join("\n"));
    status
}
