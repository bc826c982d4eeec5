//! What the server's parts are given of its store: one business at a time, or what works across businesses.

use voicecall::store::{EngineStore, Store};
use voicecall::survey::store::{SurveyMaintenanceStore, SurveyStore};

/// Everything of one business at a time: what routes and calls are given.
pub(crate) trait BusinessStore: Store + SurveyStore {}

impl<T> BusinessStore for T where T: Store + SurveyStore + ?Sized {}

/// Everything of all businesses: what the jobs of whoever runs the server are given.
pub(crate) trait OperatorStore: BusinessStore + EngineStore + SurveyMaintenanceStore {}

impl<T> OperatorStore for T where T: BusinessStore + EngineStore + SurveyMaintenanceStore + ?Sized {}
