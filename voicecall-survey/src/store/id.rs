//! Identifiers of a survey's own rows.

use voicecall_core::uuid_ids;

uuid_ids! {
    /// One configured question.
    QuestionId: "questionId";
    /// One customer verification.
    VerificationId: "verificationId";
}
