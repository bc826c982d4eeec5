REVOKE SELECT ON voicecall.facts FROM voicecall_maintenance;
DROP POLICY maintenance ON voicecall.facts;
DROP TABLE voicecall.customer_verifications, voicecall.business_contexts, voicecall.survey_selections,
    voicecall.customer_counts, voicecall.question_configurations, voicecall.survey_responses, voicecall.survey_calls;
