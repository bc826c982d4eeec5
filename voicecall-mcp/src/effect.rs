//! What a server says of a tool's effects, as far as it can be relied upon.

use rmcp::model::ToolAnnotations;
use voicecall_core::tool::ToolEffect;

/// What it means to run a tool twice, by the server's hints. They are hints, so that only the plainest count: without any,
/// or where they contradict each other, a tool runs once.
pub(crate) fn of(annotations: Option<&ToolAnnotations>) -> ToolEffect {
    let Some(hints) = annotations else { return ToolEffect::Once };
    let reads_only = hints.read_only_hint == Some(true);
    match (reads_only, hints.destructive_hint) {
        (true, None | Some(false)) => ToolEffect::None,
        (false, Some(false)) if hints.idempotent_hint == Some(true) => ToolEffect::Idempotent,
        _ => ToolEffect::Once,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_plain_hint_a_tool_runs_once() {
        let hints = |read_only, destructive, idempotent| {
            ToolAnnotations::from_raw(None, read_only, destructive, idempotent, None)
        };
        assert_eq!(of(None), ToolEffect::Once);
        for (reads_only, destroys, idempotent, effect) in [
            (None, None, None, ToolEffect::Once),
            (Some(true), None, None, ToolEffect::None),
            (Some(true), Some(false), Some(false), ToolEffect::None),
            (Some(true), Some(true), None, ToolEffect::Once),
            (Some(false), None, None, ToolEffect::Once),
            (Some(false), Some(false), None, ToolEffect::Once),
            (None, Some(false), Some(true), ToolEffect::Idempotent),
            (Some(false), Some(false), Some(true), ToolEffect::Idempotent),
            // Destructive unless denied, says the specification.
            (None, None, Some(true), ToolEffect::Once),
            (None, Some(true), Some(true), ToolEffect::Once),
        ] {
            let of = of(Some(&hints(reads_only, destroys, idempotent)));
            assert_eq!(of, effect, "read-only {reads_only:?}, destructive {destroys:?}, idempotent {idempotent:?}");
        }
    }
}
