REVOKE UPDATE (transcript, analysis) ON voicecall.survey_calls FROM voicecall_maintenance;
REVOKE UPDATE (question_text, response_text, ai_analysis) ON voicecall.survey_responses FROM voicecall_maintenance;
DROP POLICY renewal ON voicecall.survey_calls;
DROP POLICY renewal ON voicecall.survey_responses;
