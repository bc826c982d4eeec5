//! Twilio's regions and edges: the hosts of its REST interfaces.

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

/// `{product}[.edge.region].twilio.com`, the product being `api` for calls and messages. A region without its edge is no longer served, and an edge alone means `us1`.
///
/// # Errors
/// `Config` naming `TWILIO_EDGE` or `TWILIO_REGION`.
pub(super) fn product_url(product: &str, edge: Option<&str>, region: Option<&str>) -> Result<Url> {
    let host = match (edge, region) {
        (None, None) => format!("{product}.twilio.com"),
        (edge, region) => {
            let region = region.unwrap_or("us1");
            let nearest = REGIONS.iter().find(|(name, _)| *name == region).map(|(_, edge)| *edge);
            let edge = edge.or(nearest).ok_or_else(|| Error::config("TWILIO_EDGE", "the edge of this region"))?;
            for (setting, label) in [("TWILIO_EDGE", edge), ("TWILIO_REGION", region)] {
                if label.is_empty() || !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    return Err(Error::config(setting, "a name such as dublin or ie1"));
                }
            }
            format!("{product}.{edge}.{region}.twilio.com")
        }
    };
    parse_url("TWILIO_REGION", &format!("https://{host}"))
}

/// `mcs.{region}.twilio.com`, where media of conversations are. It is known for `us1` only, which is the default.
///
/// # Errors
/// `Config` naming `TWILIO_REGION`.
pub(super) fn media_url(region: Option<&str>) -> Result<Url> {
    parse_url("TWILIO_REGION", &format!("https://mcs.{}.twilio.com", region.unwrap_or("us1")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_edge_choose_the_host() {
        let host = |edge, region| product_url("api", edge, region).unwrap().host_str().unwrap().to_owned();
        assert_eq!(host(None, None), "api.twilio.com");
        assert_eq!(host(None, Some("ie1")), "api.dublin.ie1.twilio.com");
        assert_eq!(host(Some("sydney"), None), "api.sydney.us1.twilio.com");
        assert_eq!(host(Some("frankfurt"), Some("de1")), "api.frankfurt.de1.twilio.com");
        assert_eq!(host(Some("new-edge"), Some("xx1")), "api.new-edge.xx1.twilio.com");
        let product = product_url("conversations", None, Some("ie1")).unwrap();
        assert_eq!(product.host_str(), Some("conversations.dublin.ie1.twilio.com"));
        assert_eq!(media_url(None).unwrap().host_str(), Some("mcs.us1.twilio.com"));
    }
}
