//! Twilio's regions and edges: the host of the REST interface.

use url::Url;
use voicecall_core::{Error, Result};

use super::check::parse_url;

/// Twilio's regions, each with the edge nearest to it.
const REGIONS: [(&str, &str); 9] = [
    ("us1", "ashburn"),
    ("us2", "umatilla"),
    ("ie1", "dublin"),
    ("de1", "frankfurt"),
    ("au1", "sydney"),
    ("br1", "sao-paulo"),
    ("jp1", "tokyo"),
    ("jp2", "osaka"),
    ("sg1", "singapore"),
];

/// `api[.edge.region].twilio.com`. A region without its edge is no longer served, and an edge alone means `us1`.
///
/// # Errors
/// `Config` naming `TWILIO_EDGE` or `TWILIO_REGION`.
pub(super) fn api_url(edge: Option<&str>, region: Option<&str>) -> Result<Url> {
    let host = match (edge, region) {
        (None, None) => "api.twilio.com".to_owned(),
        (edge, region) => {
            let region = region.unwrap_or("us1");
            let nearest = REGIONS.iter().find(|(name, _)| *name == region).map(|(_, edge)| *edge);
            let edge = edge.or(nearest).ok_or_else(|| Error::config("TWILIO_EDGE", "the edge of this region"))?;
            for (setting, label) in [("TWILIO_EDGE", edge), ("TWILIO_REGION", region)] {
                if label.is_empty() || !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    return Err(Error::config(setting, "a name such as dublin or ie1"));
                }
            }
            format!("api.{edge}.{region}.twilio.com")
        }
    };
    parse_url("TWILIO_REGION", &format!("https://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_edge_choose_the_host() {
        let host = |edge, region| api_url(edge, region).unwrap().host_str().unwrap().to_owned();
        assert_eq!(host(None, None), "api.twilio.com");
        assert_eq!(host(None, Some("ie1")), "api.dublin.ie1.twilio.com");
        assert_eq!(host(Some("sydney"), None), "api.sydney.us1.twilio.com");
        assert_eq!(host(Some("frankfurt"), Some("de1")), "api.frankfurt.de1.twilio.com");
        assert_eq!(host(Some("new-edge"), Some("xx1")), "api.new-edge.xx1.twilio.com");
    }
}
