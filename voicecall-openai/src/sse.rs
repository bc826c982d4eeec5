//! Server-sent events, read as they arrive: the name and data of each event, whatever the cuts between reads.

use std::collections::VecDeque;

/// The most bytes one event may have.
const MAX_EVENT: usize = 1024 * 1024;

const BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

/// An event beyond [`MAX_EVENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// One event that has data.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The name; empty if it has none.
    pub(crate) name: String,
    /// The data, its lines joined.
    pub(crate) data: String,
}

/// Collects bytes and hands out every event they complete. Numbers and comments are skipped.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    line: Vec<u8>,
    name: String,
    data: Option<String>,
    /// A line feed right behind a carriage return belongs to it.
    after_return: bool,
}

impl SseParser {
    /// Takes the next bytes and appends the events they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut VecDeque<Event>) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    self.end_line(events);
                }
                _ if self.line.len() + self.data.as_ref().map_or(0, String::len) >= MAX_EVENT => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// Ends the stream. A last event without its blank line counts: some servers forget it.
    pub(crate) fn finish(&mut self, events: &mut VecDeque<Event>) {
        self.end_line(events);
        self.end_event(events);
    }

    fn end_event(&mut self, events: &mut VecDeque<Event>) {
        let name = std::mem::take(&mut self.name);
        events.extend(self.data.take().map(|data| Event { name, data }));
    }

    fn end_line(&mut self, events: &mut VecDeque<Event>) {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix(BOM).unwrap_or(&line);
        if line.is_empty() {
            self.end_event(events);
        } else if let Some(name) = field(line, b"event") {
            self.name = String::from_utf8_lossy(name).into_owned();
        } else if let Some(value) = field(line, b"data") {
            let value = String::from_utf8_lossy(value);
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&value);
                }
                None => self.data = Some(value.into_owned()),
            }
        }
    }
}

/// The value of a line, if it is of the field `name`, without the one space that may precede it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(name)?;
    if rest.is_empty() {
        return Some(rest);
    }
    let value = rest.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        parse(chunks).into_iter().map(|event| event.data).collect()
    }

    fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
        let (mut parser, mut events) = (SseParser::default(), VecDeque::new());
        for chunk in chunks {
            parser.push(chunk, &mut events).unwrap();
        }
        parser.finish(&mut events);
        events.into()
    }

    #[test]
    fn only_data_counts_with_or_without_its_space() {
        let text = ": ping\n\nevent: x\nid: 7\ndata: {\"a\":1}\n\ndata:b\n\ndata:  c\n\nretry: 3\n\nother\n\n";
        assert_eq!(data([text.as_bytes()]), ["{\"a\":1}", "b", " c"]);
    }

    #[test]
    fn a_name_is_of_its_own_event_only() {
        let events = parse(["event: ping\n\nevent:error\ndata: a\n\ndata: b\n\n".as_bytes()]);
        let event = |name: &str, data: &str| Event { name: name.into(), data: data.into() };
        assert_eq!(events, [event("error", "a"), event("", "b")]);
    }

    #[test]
    fn every_line_ending_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("data: a{end}data: b{end}{end}data: c{end}{end}");
            assert_eq!(data([text.as_bytes()]), ["a\nb", "c"], "{end:?}");
        }
    }

    #[test]
    fn a_mark_of_byte_order_and_a_missing_last_blank_line_are_forgiven() {
        assert_eq!(data(["\u{FEFF}data: a\n\ndata: [DONE]".as_bytes()]), ["a", "[DONE]"]);
    }

    #[test]
    fn an_endless_event_is_given_up() {
        let (mut parser, mut events) = (SseParser::default(), VecDeque::new());
        let line = [b"data: ", [b'x'; 1000].as_slice(), b"\n"].concat();
        let accepted = (0..2000).take_while(|_| parser.push(&line, &mut events).is_ok()).count();
        assert!((1000..1060).contains(&accepted), "{accepted}");
        assert!(parser.push(&[b'x'; MAX_EVENT], &mut events).is_err());
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let text = "(data: ?[a-zåé😀 ]{0,8}|: ?[a-z]{0,5}|event: x|data|)(\n|\r|\r\n)";
        prop::collection::vec(text, 0..20).prop_map(|lines| lines.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn cuts_never_change_the_events(stream in stream(), cut in 1..7_usize) {
            prop_assert_eq!(parse(stream.chunks(cut)), parse([stream.as_slice()]));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 1..9_usize) {
            prop_assert_eq!(parse(bytes.chunks(cut)), parse([bytes.as_slice()]));
        }
    }
}
