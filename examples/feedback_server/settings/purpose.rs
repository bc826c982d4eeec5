//! What the variables are for that a server for real calls cannot do without.

/// In a few words; `.env.example` has more of them.
pub(super) fn purpose(variable: &str) -> Option<&'static str> {
    Some(match variable {
        "PUBLIC_URL" => "the https address by which carriers reach this server",
        "DATA_KEYS" => "seals phone numbers: 32 random bytes as base64, as `openssl rand -base64 32` makes",
        "INDEX_KEY" => "finds people by a hash: 32 random bytes as base64, never changed",
        "JWT_SECRET" => "signs the tokens of the HTTP interface: 32 random characters, as `openssl rand -hex 32` makes",
        "ELKS_API_USERNAME" => "the account at 46elks; leave 46elks out of CARRIERS to do without",
        "ELKS_API_PASSWORD" => "the password of the account at 46elks",
        "ELKS_NUMBER" => "our number at 46elks, which customers see",
        "ELKS_WEBSOCKET_NUMBER" => "the number at 46elks that stands for the media socket",
        "TWILIO_ACCOUNT_SID" => "the account at Twilio; leave twilio out of CARRIERS to do without",
        "TWILIO_AUTH_TOKEN" => "signs Twilio's requests, and ours to it",
        "TWILIO_NUMBER" => "our number at Twilio, which customers see",
        "OPENAI_API_KEY" => "the account at OpenAI, for hearing, thinking and speaking",
        _ => return None,
    })
}
