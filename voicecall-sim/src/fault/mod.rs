//! Planned misfortune: which request, webhook or socket goes wrong, how, and the same way for the same seed.
//!
//! ```
//! use voicecall_sim::fault::{Fault, FaultPlan, Site};
//!
//! let plan = FaultPlan::from_toml(
//!     r#"
//!     seed = 7
//!     [[rules]]
//!     where = "rest.create"
//!     nth = [2]
//!     kind = "rate_limit"
//!     retry_after = "3s"
//!
//!     [[rules]]
//!     where = "webhook.status"
//!     probability = 0.1
//!     kind = "duplicate"
//!     times = 1
//!     "#,
//! )?;
//! let mut faults = plan.start();
//! assert_eq!(faults.draw(Site::RestCreate), None);
//! assert!(matches!(faults.draw(Site::RestCreate), Some(Fault::RateLimit { .. })));
//! # Ok::<(), voicecall_core::Error>(())
//! ```

mod kind;
mod plan;
mod rng;

pub use kind::{Fault, Site};
pub use plan::{FaultPlan, FaultRule, Faults};
pub use rng::Rng;
