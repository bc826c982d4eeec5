//! What works for all tenants at once, broken in one way.

use uuid::Uuid;

use super::*;

#[async_trait]
impl QueueStore for Broken {
    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        if self.has(Fault::FindsTheLongestQueue) {
            let mut due = self.inner.due_sessions(now, u32::MAX, u32::MAX).await?;
            due.sort_by_key(|session| (session.priority != CallPriority::High, session.due_at));
            due.truncate(limit as usize);
            return Ok(due);
        }
        let mut due = self.inner.due_sessions(now, per_tenant, limit).await?;
        if self.has(Fault::ForgetsPriority) {
            due.sort_by_key(|session| session.due_at);
        }
        Ok(due)
    }

    async fn count_waiting(&self) -> Result<u64> {
        self.inner.count_waiting().await
    }

    async fn claim_session(&self, tenant: TenantId, id: SessionId, claim: &Claim) -> Result<(Session, Epoch)> {
        let mut claim = claim.clone();
        if self.has(Fault::CallsANumberTwice) {
            claim.number = None;
        }
        if self.has(Fault::ForgetsContactLimits) {
            claim.limits = ContactLimits::default();
        }
        if self.has(Fault::CallsWhoWaits) {
            self.allow(&self.inner.session(tenant, id).await?).await?;
        }
        let claimed = scoped!(self, "claim_session", tenant, self.inner.claim_session(tenant, id, &claim));
        match claimed {
            Err(error) if self.has(Fault::ClaimsAgain) && error.kind() == ErrorKind::Conflict => {
                Ok((self.inner.session(tenant, id).await?, Epoch::FIRST))
            }
            claimed => claimed,
        }
    }

    async fn open_sessions(&self) -> Result<Vec<Session>> {
        self.inner.open_sessions().await
    }

    async fn unpriced_attempts(&self, since: Timestamp, limit: u32) -> Result<Vec<(TenantId, AttemptId)>> {
        let limit = if self.has(Fault::ForgetsLimits) { u32::MAX } else { limit };
        self.inner.unpriced_attempts(since, limit).await
    }

    async fn acquire_lease(&self, tenant: TenantId, session: SessionId, how: AcquireLease) -> Result<Epoch> {
        let how = if self.has(Fault::TakesWhatIsLeased) { AcquireLease { only_if_free: false, ..how } } else { how };
        let how = if self.has(Fault::TakesFromAnybody) { AcquireLease { from: None, ..how } } else { how };
        scoped!(self, "acquire_lease", tenant, self.inner.acquire_lease(tenant, session, how))
    }

    async fn renew_leases(&self, leases: &[Lease], term: LeaseTerm) -> Result<Vec<Lease>> {
        let lost = self.inner.renew_leases(leases, term).await?;
        Ok(if self.has(Fault::RenewsWhatIsLost) { Vec::new() } else { lost })
    }

    async fn signal(&self, tenant: TenantId, session: SessionId, signal: &Signal) -> Result<()> {
        scoped!(self, "signal", tenant, self.inner.signal(tenant, session, signal))
    }

    async fn take_signals(&self, leases: &[Lease]) -> Result<Vec<(Lease, Signal)>> {
        let mut taken = self.inner.take_signals(leases).await?;
        if self.has(Fault::SignalsTwice) {
            for (lease, signal) in &taken {
                self.inner.signal(lease.tenant, lease.session, signal).await?;
            }
        }
        if self.has(Fault::SignalsWhoeverAsks) && taken.is_empty() {
            let mut owners = Vec::new();
            for lease in leases {
                let owner = self.inner.session(lease.tenant, lease.session).await?.owner;
                owners.push(Lease { epoch: owner, ..*lease });
            }
            taken = self.inner.take_signals(&owners).await?;
        }
        Ok(taken)
    }
}

#[async_trait]
impl RoutingStore for Broken {
    async fn route_call(
        &self,
        carrier: &str,
        account: Option<AccountName>,
        call: &CarrierCallId,
    ) -> Result<Option<Route>> {
        let account = if self.has(Fault::ForgetsAccounts) { None } else { account };
        self.inner.route_call(carrier, account, call).await
    }
}

#[async_trait]
impl MaintenanceStore for Broken {
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let limit = if self.has(Fault::ForgetsLimits) { u32::MAX } else { limit };
        self.inner.archive_events(before, limit).await
    }

    async fn purge_provider_logs(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let limit = if self.has(Fault::ForgetsLimits) { u32::MAX } else { limit };
        self.inner.purge_provider_logs(before, limit).await
    }

    async fn old_failed_sessions(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.inner.old_failed_sessions(before, limit).await
    }

    async fn delete_session(&self, tenant: TenantId, session: SessionId) -> Result<()> {
        let deleted = scoped!(self, "delete_session", tenant, self.inner.delete_session(tenant, session));
        match deleted {
            Err(error) if self.has(Fault::DeletesLiveSessions) && error.kind() == ErrorKind::Conflict => {
                self.inner.change_session(tenant, session, &ended_now()).await?;
                self.inner.delete_session(tenant, session).await
            }
            deleted => deleted,
        }
    }

    async fn old_recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.inner.old_recordings(before, limit).await
    }

    async fn forget_recording(&self, tenant: TenantId, session: SessionId, at: Timestamp) -> Result<()> {
        scoped!(self, "forget_recording", tenant, self.inner.forget_recording(tenant, session, at))
    }

    async fn existing_sessions(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let mut found = self.inner.existing_sessions(ids).await?;
        if self.has(Fault::FindsFailedOnly) {
            found.retain(|session| session.status == SessionStatus::Failed);
        }
        if self.has(Fault::FindsAnyId) {
            let unknown = ids.iter().filter(|id| found.iter().all(|session| session.id != **id));
            let made = unknown
                .map(|id| NewSession { id: *id, ..NewSession::inbound(TenantId::new(), None, Timestamp::UNIX_EPOCH) });
            let made: Vec<_> = made.map(|new| Session::created(&new)).collect();
            found.extend(made);
        }
        Ok(found)
    }

    async fn log_retention(&self, run: &RetentionRun) -> Result<()> {
        self.inner.log_retention(run).await
    }

    async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>> {
        self.inner.retention_runs(limit).await
    }
}

#[async_trait]
impl SealedRows for Broken {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.inner.sealed_addresses(after, limit).await
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        let mut rows = rows.to_vec();
        if self.has(Fault::ResealsAnything) {
            let standing = self.inner.sealed_addresses(None, u32::MAX).await?;
            for resealed in &mut rows {
                if let Some((_, address)) = standing.iter().find(|(row, _)| *row == resealed.row) {
                    resealed.before = address.sealed.clone();
                }
            }
        }
        self.inner.reseal(&rows).await
    }

    async fn renew_content(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        self.inner.renew_content(after, sessions).await
    }
}

#[async_trait]
impl KeyStore for Broken {
    async fn canaries(&self) -> Result<Vec<Canary>> {
        self.inner.canaries().await
    }

    async fn keep_canary(&self, canary: &Canary) -> Result<()> {
        if self.has(Fault::ReplacesCanaries) {
            self.inner.forget_canary(&canary.key).await?;
        }
        self.inner.keep_canary(canary).await
    }

    async fn forget_canary(&self, key: &str) -> Result<()> {
        self.inner.forget_canary(key).await
    }
}
