//! The dashboard's files, embedded in the program.

use std::hash::{DefaultHasher, Hash, Hasher};

/// One file.
#[derive(Debug)]
pub(super) struct Asset {
    /// Where it is, below `/dashboard/`.
    pub(super) path: &'static str,
    pub(super) bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal,)*) => {
        /// All files.
        pub(super) static ASSETS: &[Asset] =
            &[$(Asset { path: $path, bytes: include_bytes!(concat!("assets/", $path)) },)*];
    };
}

assets! {
    "api.js",
    "app.js",
    "css/controls.css",
    "css/layout.css",
    "css/pages.css",
    "css/theme.css",
    "dom.js",
    "format.js",
    "icon.svg",
    "index.html",
    "notices.js",
    "pages/analytics.js",
    "pages/analytics/charts.js",
    "pages/analytics/filters.js",
    "pages/call.js",
    "pages/call/answers.js",
    "pages/call/costs.js",
    "pages/call/latency.js",
    "pages/call/proof.js",
    "pages/call/recording.js",
    "pages/call/timeline.js",
    "pages/call/transcript.js",
    "pages/calls.js",
    "pages/live.js",
    "pages/live_card.js",
    "pages/preview.js",
    "pages/question_form.js",
    "pages/questions.js",
    "pages/sign_in.js",
    "parts.js",
    "questions_api.js",
    "router.js",
    "session.js",
    "states.js",
    "status.js",
    "stream.js",
    "texts.js",
    "vendor/uplot/LICENSE",
    "vendor/uplot/README.md",
    "vendor/uplot/uPlot.iife.min.js",
    "vendor/uplot/uPlot.min.css",
}

impl Asset {
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.path == path)
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, end)| end) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("md") => "text/markdown; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// Another one for other bytes. That it may change with the compiler costs a browser one request.
    pub(super) fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.bytes.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn below(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("feedback_server/dashboard/assets");
        let mut found = BTreeSet::new();
        below(&root, &root, &mut found);
        assert_eq!(found, ASSETS.iter().map(|asset| asset.path.to_owned()).collect());
    }

    #[test]
    fn other_bytes_have_another_tag() {
        let tags: BTreeSet<_> = ASSETS.iter().map(Asset::etag).collect();
        assert_eq!(tags.len(), ASSETS.len());
    }
}
