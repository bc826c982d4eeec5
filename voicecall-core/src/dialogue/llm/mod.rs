//! A dialogue that a language model leads: it hears the caller, speaks as it writes, and has things done by tools.
//!
//! The model decides what is said and which tools are called; this decides everything else: what the model may read of
//! the conversation, when a tool may run, when enough was tried, and what the caller hears when the model has no words.

mod calls;
mod history;
mod persona;
mod phrases;
mod resume;
mod turns;

use std::time::Duration;

pub use phrases::Phrases;

use self::history::History;
use self::persona::{Persona, Target};
use super::{Action, Dialogue, DialogueEvent, Past, Utterance, UtteranceId};
use crate::agent::Respond;
use crate::error::{Error, Result};
use crate::journal::JournalEntry;
use crate::phone::PhoneNumber;
use crate::store::EndReason;
use crate::time::CallTime;
use crate::tool::{Tool, ToolCallId};

/// A conversation led by a language model.
///
/// ```
/// use voicecall_core::dialogue::{Dialogue, LlmDialogue};
/// use voicecall_core::tool::Tool;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Day {
///     day: String,
/// }
///
/// let opening_hours = Tool::new("opening_hours", "When the bakery is open on a day")
///     .handler(|_args: Day, _call| async move { Ok("8 to 18") });
/// let dialogue = LlmDialogue::new("You answer the phone of a bakery. Be brief.")
///     .greeting("Hello, how can I help?")
///     .tool(opening_hours)
///     .transfer_to("the baker", "+46701740605".parse()?);
/// dialogue.validate()?;
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug)]
pub struct LlmDialogue {
    /// The one the call begins with, and those it may be handed to.
    personas: Vec<Persona>,
    current: usize,
    phrases: Phrases,
    greeting: Option<String>,
    prompts: Vec<String>,
    max_rounds: u32,
    max_tokens: u32,
    history: History,
    /// Numbers given so far.
    utterances: u32,
    calls: u32,
    /// Whether this is a later connection of a call that broke off, and tools of which nobody knows whether they ran.
    resumes: bool,
    /// Whether it comes back from a transfer that nobody took, of which we are told next.
    returns: bool,
    lost: Vec<ToolCallId>,
    /// Whether that was found before, and the caller has not heard it to its end.
    untold: bool,
    state: State,
}

/// Where the conversation stands.
#[derive(Debug, Default)]
struct State {
    /// The response the model is writing.
    writing: Option<UtteranceId>,
    /// Whether the caller interrupted and what they say is not known yet.
    listening: bool,
    /// What the caller said while something has to be finished first.
    words: Vec<String>,
    /// Whether an answer is due once that is finished.
    owed: bool,
    /// Answers of the model since the caller last spoke, and failures since it last answered.
    rounds: u32,
    failures: u32,
    running: Vec<Running>,
    confirming: Option<Confirming>,
    keys: Option<(String, CallTime)>,
    transferring: bool,
    ending: bool,
}

/// A tool that runs.
#[derive(Debug)]
struct Running {
    call: ToolCallId,
    is_cancelled_by_speech: bool,
    /// What is said when it takes long, and when.
    filler: Option<(CallTime, String)>,
}

/// A tool that waits for the caller's yes.
#[derive(Debug)]
struct Confirming {
    call: ToolCallId,
    question: String,
    utterance: UtteranceId,
    heard: bool,
}

impl LlmDialogue {
    /// A conversation in English by these instructions, which begins with the model's own words.
    #[must_use]
    pub fn new(instructions: impl Into<String>) -> Self {
        let phrases = Phrases::english();
        Self {
            personas: vec![Persona::new(instructions.into())],
            current: 0,
            prompts: vec![phrases.still_there.clone()],
            phrases,
            greeting: None,
            max_rounds: 5,
            max_tokens: 400,
            history: History::new(80),
            utterances: 0,
            calls: 0,
            resumes: false,
            returns: false,
            lost: Vec::new(),
            untold: false,
            state: State::default(),
        }
    }

    /// Begins with these words instead of the model's: nobody waits for them.
    #[must_use]
    pub fn greeting(mut self, text: impl Into<String>) -> Self {
        self.greeting = Some(text.into());
        self
    }

    /// Lets the model call a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.personas[0].tools.push(tool);
        self
    }

    /// Lets the model call several tools, such as those of a server.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.personas[0].tools.extend(tools);
        self
    }

    /// Lets the model transfer the call to a number, which it knows by this name only.
    #[must_use]
    pub fn transfer_to(mut self, name: impl Into<String>, number: PhoneNumber) -> Self {
        self.personas[0].transfers.push(Target { name: name.into(), number, is_warm: false });
        self
    }

    /// The same, but whoever answers first hears who calls and what about, in the model's words and the carrier's voice, and
    /// takes the call by pressing 1. The caller hears it ring meanwhile, and comes back to the conversation if nobody takes the
    /// call. The carrier needs [`VoiceCapabilities::screening`](crate::carrier::VoiceCapabilities::screening); with any other
    /// the transfer fails.
    #[must_use]
    pub fn warm_transfer_to(mut self, name: impl Into<String>, number: PhoneNumber) -> Self {
        self.personas[0].transfers.push(Target { name: name.into(), number, is_warm: true });
        self
    }

    /// Lets the model hand the conversation to another, by name: from then on the other's instructions and tools hold, and
    /// the history is kept. Of the other's own settings only those, its transfers, keys and hand-offs count.
    #[must_use]
    pub fn hand_off(mut self, name: impl Into<String>, other: Self) -> Self {
        let mut others = other.personas;
        others[0].name = name.into();
        self.personas.append(&mut others);
        self
    }

    /// Lets the model press keys, as for the menu of an answering machine.
    #[must_use]
    pub fn keys(mut self) -> Self {
        self.personas[0].presses_keys = true;
        self
    }

    /// What is said without the model; English if not said.
    #[must_use]
    pub fn phrases(mut self, phrases: Phrases) -> Self {
        if self.prompts == [self.phrases.still_there.clone()] {
            self.prompts = vec![phrases.still_there.clone()];
        }
        self.phrases = phrases;
        self
    }

    /// What is said at the first, second, ... silence in a row; at the one behind the last the call ends with a goodbye.
    #[must_use]
    pub fn silence<S: Into<String>>(mut self, prompts: impl IntoIterator<Item = S>) -> Self {
        self.prompts = prompts.into_iter().map(Into::into).collect();
        self
    }

    /// The last words when the model has none.
    #[must_use]
    pub fn goodbye(mut self, text: impl Into<String>) -> Self {
        self.phrases.goodbye = text.into();
        self
    }

    /// How often the model may answer one turn of the caller, tools called in between; 5 if not said, at least 1. Beyond it
    /// the caller hears an apology.
    #[must_use]
    pub fn max_rounds(mut self, rounds: u32) -> Self {
        self.max_rounds = rounds.max(1);
        self
    }

    /// The longest answer, in tokens; 400 if not said.
    #[must_use]
    pub const fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = tokens;
        self
    }

    /// How many turns of either side the model is shown; 80 if not said. The oldest are dropped, a tool call together with
    /// its result, and never the instructions.
    #[must_use]
    pub const fn window(mut self, turns: usize) -> Self {
        self.history.limit(turns);
        self
    }

    fn persona(&self) -> &Persona {
        // There is always one, and `current` is the place of one.
        &self.personas[self.current]
    }

    /// The names of those the conversation may be handed to.
    fn others(&self) -> Vec<&str> {
        let others = self.personas.iter().enumerate().filter(|(at, _)| *at != self.current);
        others.map(|(_, persona)| persona.name.as_str()).filter(|name| !name.is_empty()).collect()
    }

    fn next_utterance(&mut self) -> UtteranceId {
        self.utterances += 1;
        UtteranceId(self.utterances)
    }

    /// Says something word for word, as part of the conversation.
    fn say(&mut self, text: String, actions: &mut Vec<Action>) -> UtteranceId {
        let id = self.say_aside(text.clone(), actions);
        self.history.agent(Some(id), text, Vec::new());
        id
    }

    /// Says something the model need not know of.
    fn say_aside(&mut self, text: String, actions: &mut Vec<Action>) -> UtteranceId {
        let id = self.next_utterance();
        actions.push(Action::Say(Utterance { id, text, interruptible: true }));
        id
    }

    /// Says the last words and ends the call.
    fn end(&mut self, text: String, reason: EndReason, actions: &mut Vec<Action>) {
        self.say(text, actions);
        self.state.ending = true;
        actions.push(Action::End(reason));
    }

    /// Has the model answer, unless it has tried often enough.
    fn respond(&mut self, actions: &mut Vec<Action>) {
        self.state.owed = false;
        if self.state.ending {
            return;
        }
        if self.state.rounds >= self.max_rounds {
            self.say(self.phrases.gave_up.clone(), actions);
            return;
        }
        self.state.rounds += 1;
        let request = Respond {
            messages: self.history.messages(&self.persona().instructions),
            tools: self.persona().specs(&self.others()),
            max_tokens: self.max_tokens,
        };
        let utterance = self.next_utterance();
        self.history.agent(Some(utterance), "", Vec::new());
        self.state.writing = Some(utterance);
        actions.push(Action::Respond { utterance, request });
    }
}

impl Dialogue for LlmDialogue {
    /// The model is shown what was said before ahead of everything else.
    fn recall(&mut self, past: &Past) {
        self.history.recall(past);
    }

    /// A tool that had not returned runs again with the same key, unless its effect is
    /// [`ToolEffect::Once`](crate::tool::ToolEffect::Once) or its arguments were not kept: then nobody knows whether it ran,
    /// which model and caller are told. Of a journal without content only that remains.
    fn resume(&mut self, journal: &[JournalEntry]) {
        self.read_back(journal);
    }

    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if matches!(event, DialogueEvent::Ended(_)) {
            self.state.ending = true;
        }
        if self.state.ending {
            return;
        }
        match event {
            DialogueEvent::Connected => self.connected(now, actions),
            DialogueEvent::Messaging { heard_follows } => self.messaging(*heard_follows, now, actions),
            DialogueEvent::Heard(turn) => self.heard(turn.text.as_deref().unwrap_or(""), now, actions),
            // For the next turn: what is written is not meant to be spoken of at once.
            DialogueEvent::Wrote { text } => self.state.words.push(format!("[the caller wrote a message: {text}]")),
            DialogueEvent::Key(key) => self.key(*key, now, actions),
            DialogueEvent::Spoken(utterance) => self.spoken(*utterance),
            DialogueEvent::Interrupted { utterance, heard } => self.interrupted(*utterance, heard),
            DialogueEvent::Silence { count } => self.silent(*count, actions),
            DialogueEvent::ToolCall { utterance, call } => self.called(*utterance, call),
            DialogueEvent::Written { utterance, text } => self.written(*utterance, text, now, actions),
            DialogueEvent::ResponseFailed { utterance, text } => self.failed(*utterance, text, now, actions),
            DialogueEvent::ToolResult { call, outcome } => self.returned(*call, outcome, now, actions),
            DialogueEvent::TransferFailed { to } => self.not_transferred(to, now, actions),
            DialogueEvent::WrapUp => {
                actions.push(Action::Interrupt);
                self.end(self.phrases.goodbye.clone(), EndReason::Completed, actions);
            }
            DialogueEvent::Wake => self.wake(now, actions),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<CallTime> {
        if self.state.ending {
            return None;
        }
        let fillers = self.state.running.iter().filter_map(|running| Some(running.filler.as_ref()?.0));
        fillers.chain(self.state.keys.as_ref().map(|(_, until)| *until)).min()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.persona().tool(name).cloned()
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        self.persona().target(name).map(|target| target.number.clone())
    }

    fn validate(&self) -> Result<()> {
        for (at, persona) in self.personas.iter().enumerate() {
            persona.validate()?;
            let is_taken = self.personas[..at].iter().any(|other| other.name == persona.name);
            if at > 0 && (persona.name.is_empty() || is_taken) {
                return Err(Error::invalid("hand_off.name", "names that are not empty and differ"));
            }
        }
        Ok(())
    }
}

/// Keys belong together if no more time than this is between them.
const BETWEEN_KEYS: Duration = Duration::from_millis(1500);

/// A tool's filler is said when it has run for this long.
const FILLER_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
