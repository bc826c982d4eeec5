//! What is kept of people, and what they wish, broken in one way.

use super::*;

#[async_trait]
impl PersonStore for Broken {
    async fn export_person(&self, tenant: TenantId, person: PersonKey) -> Result<PersonFile> {
        let mut file = PersonFile::default();
        for tenant in self.seen_as("export_person", tenant) {
            let more = self.inner.export_person(tenant, person).await?;
            file.sessions.extend(more.sessions);
            file.extensions.extend(more.extensions);
            file.calls_forbidden_since = file.calls_forbidden_since.or(more.calls_forbidden_since);
        }
        Ok(file)
    }

    async fn erase_person(&self, tenant: TenantId, person: PersonKey) -> Result<Erased> {
        let mut erased = Erased::default();
        for tenant in self.seen_as("erase_person", tenant) {
            if self.has(Fault::ErasesByHalves) {
                for file in self.inner.export_person(tenant, person).await?.sessions {
                    if !file.session.status.is_final() {
                        self.inner.change_session(tenant, file.session.id, &ended_now()).await?;
                    }
                    self.inner.delete_session(tenant, file.session.id).await?;
                    erased.sessions.push(file.session.id);
                }
            }
            let more = self.inner.erase_person(tenant, person).await?;
            erased.sessions.extend(more.sessions);
            erased.extensions.extend(more.extensions);
            if self.has(Fault::ErasesWishes) {
                self.inner.allow_calls(tenant, person).await?;
                self.inner.allow_messages(tenant, person, &Channel::Sms).await?;
            }
        }
        Ok(erased)
    }

    async fn forbid_calls(&self, tenant: TenantId, person: PersonKey, at: Timestamp) -> Result<Vec<Session>> {
        let mut ended = Vec::new();
        for tenant in self.seen_as("forbid_calls", tenant) {
            ended.extend(self.inner.forbid_calls(tenant, person, at).await?);
        }
        Ok(ended)
    }

    async fn calls_forbidden_since(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Timestamp>> {
        for tenant in self.seen_as("calls_forbidden_since", tenant) {
            if let Some(since) = self.inner.calls_forbidden_since(tenant, person).await? {
                return Ok(Some(since));
            }
        }
        Ok(None)
    }

    async fn allow_calls(&self, tenant: TenantId, person: PersonKey) -> Result<()> {
        for tenant in self.seen_as("allow_calls", tenant) {
            self.inner.allow_calls(tenant, person).await?;
        }
        Ok(())
    }

    async fn forbid_messages(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
        at: Timestamp,
    ) -> Result<()> {
        self.inner.forbid_messages(tenant, person, channel, at).await
    }

    async fn messages_forbidden_since(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
    ) -> Result<Option<Timestamp>> {
        self.inner.messages_forbidden_since(tenant, person, channel).await
    }

    async fn allow_messages(&self, tenant: TenantId, person: PersonKey, channel: &Channel) -> Result<()> {
        self.inner.allow_messages(tenant, person, channel).await
    }
}
