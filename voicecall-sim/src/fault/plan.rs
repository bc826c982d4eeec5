//! The rules of misfortune as a scenario file writes them, and the draw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use voicecall_core::{Error, Result};

use super::{Fault, Rng, Site};

/// Rules for what goes wrong. An empty plan is a perfect world.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FaultPlan {
    /// Decides every draw together with the rules.
    #[serde(default)]
    pub seed: u64,
    /// The rules. At each draw the first one that applies strikes.
    #[serde(default)]
    pub rules: Vec<FaultRule>,
}

/// One rule: where, how often, what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Where it may strike.
    #[serde(rename = "where")]
    pub site: Site,
    /// How likely it strikes, 0 to 1. Without this and `nth` it always does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// It strikes at exactly these visits of the place, counted from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nth: Vec<u64>,
    /// The first visits, which it leaves alone.
    #[serde(default)]
    pub skip: u64,
    /// How often it strikes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What chance adds at most to the frame at which a socket is struck.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spread_frames: u64,
    /// What happens.
    #[serde(flatten)]
    pub fault: Fault,
}

impl FaultRule {
    /// A rule that strikes at every visit of `site`.
    #[must_use]
    pub fn always(site: Site, fault: Fault) -> Self {
        Self { site, probability: None, nth: Vec::new(), skip: 0, limit: None, spread_frames: 0, fault }
    }

    /// A rule that strikes at the `nth` visit of `site` only, counted from 1.
    #[must_use]
    pub fn nth(site: Site, nth: u64, fault: Fault) -> Self {
        Self { nth: vec![nth], ..Self::always(site, fault) }
    }

    /// A rule that strikes with this probability (0 to 1) at each visit of `site`.
    #[must_use]
    pub fn sometimes(site: Site, probability: f64, fault: Fault) -> Self {
        Self { probability: Some(probability), ..Self::always(site, fault) }
    }
}

impl FaultPlan {
    /// A plan of these rules.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn new(seed: u64, rules: Vec<FaultRule>) -> Result<Self> {
        let plan = Self { seed, rules };
        plan.check()?;
        Ok(plan)
    }

    /// Reads a plan from TOML.
    ///
    /// # Errors
    /// `Invalid` if it is not such a document, and as [`check`](Self::check).
    pub fn from_toml(text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text).map_err(|error| Error::invalid("fault plan", error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// Whether every rule can come true.
    ///
    /// # Errors
    /// `Invalid`, naming the rule, for a fault that cannot happen at its place and for values out of range.
    pub fn check(&self) -> Result<()> {
        for (index, rule) in self.rules.iter().enumerate() {
            let invalid = |part: &str, expected| Err(Error::invalid(format!("rules[{index}].{part}"), expected));
            if !rule.site.admits(&rule.fault) {
                return invalid("kind", "a fault that can happen at this place");
            }
            if rule.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
                return invalid("probability", "0 to 1");
            }
            if rule.probability.is_some() && !rule.nth.is_empty() {
                return invalid("nth", "either a probability or visits, not both");
            }
            if rule.nth.contains(&0) {
                return invalid("nth", "visits counted from 1");
            }
            match rule.fault {
                Fault::Error { status, .. } if !(400..600).contains(&status) => {
                    return invalid("status", "400 to 599");
                }
                Fault::Duplicate { times: 0 } => return invalid("times", "at least 1"),
                _ => {}
            }
        }
        Ok(())
    }

    /// Begins to draw, at visit 1 of every place.
    #[must_use]
    pub fn start(&self) -> Faults {
        let armed = |(index, rule): (usize, &FaultRule)| Armed {
            rule: rule.clone(),
            struck: 0,
            rng: Rng::fork(self.seed, index as u64),
        };
        Faults { armed: self.rules.iter().enumerate().map(armed).collect(), visits: BTreeMap::new() }
    }
}

/// A plan being carried out: remembers the visits.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    armed: Vec<Armed>,
    visits: BTreeMap<Site, u64>,
}

#[derive(Debug, Clone)]
struct Armed {
    rule: FaultRule,
    struck: u64,
    rng: Rng,
}

impl Faults {
    /// Counts one visit of `site` and says what goes wrong with it, if anything.
    ///
    /// Each rule draws from its own numbers, one per visit of its place: what happens at one place
    /// does not change what happens at another.
    pub fn draw(&mut self, site: Site) -> Option<Fault> {
        let visit = self.visits.entry(site).or_default();
        *visit += 1;
        let visit = *visit;
        let mut drawn = None;
        for armed in self.armed.iter_mut().filter(|armed| armed.rule.site == site) {
            let (chance, spread) = (armed.rng.unit(), armed.rng.unit());
            if drawn.is_none() && armed.strikes(visit, chance) {
                armed.struck += 1;
                drawn = Some(resolved(&armed.rule, spread));
            }
        }
        drawn
    }
}

impl Armed {
    fn strikes(&self, visit: u64, chance: f64) -> bool {
        let rule = &self.rule;
        visit > rule.skip
            && rule.limit.is_none_or(|limit| self.struck < limit)
            && (rule.nth.is_empty() || rule.nth.contains(&visit))
            && rule.probability.is_none_or(|probability| chance < probability)
    }
}

/// The fault with chance's part of the delay, or of the frame, added.
fn resolved(rule: &FaultRule, spread: f64) -> Fault {
    let mut fault = rule.fault.clone();
    match &mut fault {
        Fault::Latency { delay, jitter } => *delay += std::mem::take(jitter).mul_f64(spread),
        Fault::Reset { at_frame }
        | Fault::Close { at_frame }
        | Fault::HalfOpenSocket { at_frame }
        | Fault::Stall { at_frame, .. } => *at_frame += (rule.spread_frames as f64 * spread) as u64,
        _ => {}
    }
    fault
}

/// Whether nothing is written of it.
const fn is_zero(frames: &u64) -> bool {
    *frames == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn draws(plan: &FaultPlan, site: Site, visits: usize) -> Vec<Option<Fault>> {
        let mut faults = plan.start();
        (0..visits).map(|_| faults.draw(site)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_misfortune() {
        let rules = vec![FaultRule::sometimes(Site::RestCreate, 0.3, Fault::DropBefore)];
        let plan = FaultPlan::new(1, rules.clone()).unwrap();
        assert_eq!(draws(&plan, Site::RestCreate, 500), draws(&plan, Site::RestCreate, 500));
        let other = FaultPlan::new(2, rules).unwrap();
        assert_ne!(draws(&plan, Site::RestCreate, 500), draws(&other, Site::RestCreate, 500));
    }

    #[test]
    fn probability_is_met_over_many_visits() {
        let plan = FaultPlan::new(9, vec![FaultRule::sometimes(Site::RestFetch, 0.05, Fault::DropBefore)]).unwrap();
        let struck = draws(&plan, Site::RestFetch, 20_000).into_iter().flatten().count();
        assert!((900..1100).contains(&struck), "{struck}");
    }

    #[test]
    fn visits_of_one_place_do_not_disturb_another() {
        let rules = vec![
            FaultRule::sometimes(Site::RestFetch, 0.5, Fault::DropBefore),
            FaultRule::sometimes(Site::RestCreate, 0.5, Fault::AcceptThenDrop),
        ];
        let plan = FaultPlan::new(4, rules).unwrap();
        let mut disturbed = plan.start();
        let mixed: Vec<_> = (0..200)
            .map(|_| {
                disturbed.draw(Site::RestFetch);
                disturbed.draw(Site::RestCreate)
            })
            .collect();
        assert_eq!(mixed, draws(&plan, Site::RestCreate, 200));
    }

    #[test]
    fn skip_and_limit_make_an_outage_that_heals() {
        let rule = FaultRule {
            skip: 2,
            limit: Some(3),
            ..FaultRule::always(Site::OpenaiChat, Fault::Error { status: 503, accepted: false })
        };
        let plan = FaultPlan::new(0, vec![rule]).unwrap();
        let struck: Vec<bool> = draws(&plan, Site::OpenaiChat, 8).iter().map(Option::is_some).collect();
        assert_eq!(struck, [false, false, true, true, true, false, false, false]);
    }

    #[test]
    fn jitter_is_drawn_within_its_bound() {
        let fault = Fault::Latency { delay: Duration::from_millis(100), jitter: Duration::from_millis(50) };
        let plan = FaultPlan::new(5, vec![FaultRule::always(Site::RestCreate, fault)]).unwrap();
        let delays: Vec<Duration> = draws(&plan, Site::RestCreate, 100)
            .into_iter()
            .map(|fault| match fault {
                Some(Fault::Latency { delay, .. }) => delay,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(delays.iter().all(|delay| (100..150).contains(&delay.as_millis())), "{delays:?}");
        assert!(delays.iter().max() > delays.iter().min());
    }

    #[test]
    fn a_socket_is_struck_at_a_frame_that_chance_chooses() {
        let rule =
            FaultRule { spread_frames: 50, ..FaultRule::always(Site::MediaSocket, Fault::Close { at_frame: 10 }) };
        let plan = FaultPlan::new(5, vec![rule]).unwrap();
        let frames: Vec<u64> = draws(&plan, Site::MediaSocket, 200)
            .into_iter()
            .map(|fault| match fault {
                Some(Fault::Close { at_frame }) => at_frame,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(frames.iter().all(|frame| (10..60).contains(frame)), "{frames:?}");
        assert!(frames.iter().min() < Some(&15) && frames.iter().max() > Some(&55), "{frames:?}");
    }

    #[test]
    fn rules_that_cannot_come_true_are_refused_by_name() {
        let refused = [
            ("[[rules]]\nwhere = \"rest.create\"\nkind = \"out_of_order\"", "rules[0].kind"),
            ("[[rules]]\nwhere = \"rest.create\"\nprobability = 1.5\nkind = \"drop_before\"", "rules[0].probability"),
            ("[[rules]]\nwhere = \"rest.create\"\nnth = [0]\nkind = \"drop_before\"", "rules[0].nth"),
            ("[[rules]]\nwhere = \"rest.create\"\nkind = \"error\"\nstatus = 200", "rules[0].status"),
            ("[[rules]]\nwhere = \"rest.creat\"\nkind = \"drop_before\"", "fault plan"),
            ("[[rules]]\nwhere = \"rest.create\"\nkind = \"latency\"\ndelay = 3", "fault plan"),
        ];
        for (text, field) in refused {
            let error = FaultPlan::from_toml(text).unwrap_err();
            assert_eq!(error.field(), Some(field), "{text}");
        }
    }

    #[test]
    fn a_plan_survives_serialisation() {
        let rules = vec![
            FaultRule::nth(Site::MediaSocket, 1, Fault::Stall { length: Duration::from_millis(1500), at_frame: 50 }),
            FaultRule::always(Site::RestCreate, Fault::RateLimit { retry_after: None }),
        ];
        let plan = FaultPlan::new(3, rules).unwrap();
        let json = serde_json::to_string(&plan).unwrap();
        assert!(json.contains(r#""where":"media.socket""#), "{json}");
        assert_eq!(serde_json::from_str::<FaultPlan>(&json).unwrap(), plan);
    }
}
