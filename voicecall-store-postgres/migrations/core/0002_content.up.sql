-- Who seals content anew reads and writes it in the rows of all tenants.
CREATE POLICY renewal ON voicecall.facts TO voicecall_maintenance USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (fact) ON voicecall.facts TO voicecall_maintenance;
