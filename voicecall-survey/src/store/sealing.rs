//! What of a survey's rows is content, and how it is sealed: the same in every store.

use serde_json::Value;
use voicecall_core::{ContentSeal, Result, SealedRow, SessionId, TenantId};

use super::{CallRecord, CallResponse};

/// What reports count of an analysis.
const TOPICS: &str = "topics";

impl CallResponse {
    /// As it is written: the texts and the analysis sealed, if content is; scores and times as they are.
    ///
    /// # Errors
    /// As [`ContentSeal::seal_text`].
    pub fn sealed(&self, seal: &ContentSeal, tenant: TenantId) -> Result<Self> {
        let row = SealedRow::session(tenant, self.session);
        let analysis = |analysis: &Value| seal.seal_document(row, &self.field("analysis"), analysis, Some(TOPICS));
        Ok(Self {
            question_text: seal.seal_text(row, &self.field("question"), &self.question_text)?,
            text: seal.seal_text(row, &self.field("text"), &self.text)?,
            analysis: self.analysis.as_ref().map(analysis).transpose()?,
            ..self.clone()
        })
    }

    /// As it was before it was written.
    ///
    /// # Errors
    /// As [`ContentSeal::open_text`].
    pub fn opened(mut self, seal: &ContentSeal, tenant: TenantId) -> Result<Self> {
        let row = SealedRow::session(tenant, self.session);
        self.question_text = seal.open_text(row, &self.field("question"), &self.question_text)?;
        self.text = seal.open_text(row, &self.field("text"), &self.text)?;
        let field = self.field("analysis");
        self.analysis = self.analysis.map(|analysis| seal.open_document(row, &field, analysis)).transpose()?;
        Ok(self)
    }

    /// As it would be written now, if it stands otherwise.
    ///
    /// # Errors
    /// As [`ContentSeal::open_text`].
    pub fn renewed(&self, seal: &ContentSeal, tenant: TenantId) -> Result<Option<Self>> {
        let analysis = self.analysis.as_ref();
        if seal.is_current(&self.question_text)
            && seal.is_current(&self.text)
            && analysis.is_none_or(|analysis| seal.is_current_document(analysis))
        {
            return Ok(None);
        }
        self.clone().opened(seal, tenant)?.sealed(seal, tenant).map(Some)
    }

    /// What a field of this answer is called among those of its session.
    fn field(&self, of: &str) -> String {
        format!("answer/{}/{of}", self.question)
    }
}

impl CallRecord {
    /// As it is written, apart from the answers: transcript and analysis sealed, if content is.
    ///
    /// # Errors
    /// As [`ContentSeal::seal_text`].
    pub fn sealed(&self, seal: &ContentSeal, tenant: TenantId, session: SessionId) -> Result<Self> {
        let row = SealedRow::session(tenant, session);
        let transcript = self.transcript.as_ref().map(|transcript| seal.seal_text(row, "transcript", transcript));
        let analysis = self.analysis.as_ref().map(|analysis| seal.seal_document(row, "analysis", analysis, None));
        Ok(Self { transcript: transcript.transpose()?, analysis: analysis.transpose()?, ..self.clone() })
    }

    /// As it was before it was written, apart from the answers.
    ///
    /// # Errors
    /// As [`ContentSeal::open_text`].
    pub fn opened(mut self, seal: &ContentSeal, tenant: TenantId, session: SessionId) -> Result<Self> {
        let row = SealedRow::session(tenant, session);
        self.transcript = self.transcript.map(|text| seal.open_text(row, "transcript", &text)).transpose()?;
        self.analysis = self.analysis.map(|analysis| seal.open_document(row, "analysis", analysis)).transpose()?;
        Ok(self)
    }

    /// As it would be written now, if it stands otherwise, apart from the answers.
    ///
    /// # Errors
    /// As [`ContentSeal::open_text`].
    pub fn renewed(&self, seal: &ContentSeal, tenant: TenantId, session: SessionId) -> Result<Option<Self>> {
        if self.transcript.as_ref().is_none_or(|transcript| seal.is_current(transcript))
            && self.analysis.as_ref().is_none_or(|analysis| seal.is_current_document(analysis))
        {
            return Ok(None);
        }
        self.clone().opened(seal, tenant, session)?.sealed(seal, tenant, session).map(Some)
    }
}
