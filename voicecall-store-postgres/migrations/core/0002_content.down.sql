REVOKE UPDATE (fact) ON voicecall.facts FROM voicecall_maintenance;
DROP POLICY renewal ON voicecall.facts;
