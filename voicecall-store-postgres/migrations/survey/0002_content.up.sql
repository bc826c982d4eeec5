-- Who seals content anew writes it in the rows of all tenants.
CREATE POLICY renewal ON voicecall.survey_calls FOR UPDATE TO voicecall_maintenance USING (true) WITH CHECK (true);
CREATE POLICY renewal ON voicecall.survey_responses FOR UPDATE TO voicecall_maintenance USING (true) WITH CHECK (true);
GRANT UPDATE (transcript, analysis) ON voicecall.survey_calls TO voicecall_maintenance;
GRANT UPDATE (question_text, response_text, ai_analysis) ON voicecall.survey_responses TO voicecall_maintenance;
