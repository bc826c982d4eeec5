//! A speech-to-speech model that follows its scripts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::models::{Script, Stage};
use crate::audio::g711::mulaw;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    ItemId, RealtimeCommand, RealtimeConnection, RealtimeEvent, RealtimeEvents, RealtimeModel, RealtimeOptions,
    RealtimeSender, ResultStream, TokenUsage, ToolCall, Transcript,
};

/// A piece of a scripted answer.
#[derive(Debug, Clone)]
pub enum RealtimePiece {
    /// Words.
    Text(String),
    /// Silence of this length.
    Sound(Duration),
    /// A call of a tool.
    ToolCall(ToolCall),
    /// What it used.
    Usage(TokenUsage),
}

/// A model whose connections, turns and answers follow scripts, each in order over all its connections. A script that fails
/// breaks the connection.
#[derive(Debug)]
pub struct ScriptedRealtime {
    connections: Stage<(), RealtimeOptions>,
    turns: Arc<Stage<Transcript, ()>>,
    answers: Arc<Stage<RealtimePiece, ()>>,
    commands: Arc<Mutex<Vec<RealtimeCommand>>>,
}

impl ScriptedRealtime {
    /// A model without scripts, which takes a single connection.
    #[must_use]
    pub fn new() -> Self {
        let connections = Stage::new();
        connections.add(Script::new());
        Self { connections, turns: Arc::new(Stage::new()), answers: Arc::new(Stage::new()), commands: Arc::default() }
    }

    /// The same without the first of its connections.
    #[must_use]
    pub fn without_connection(self) -> Self {
        self.connections.skip();
        self
    }

    /// Plays the turns and answers of another model behind its own.
    #[must_use]
    pub fn also(self, other: Self) -> Self {
        self.turns.append(&other.turns);
        self.answers.append(&other.answers);
        self
    }

    /// Adds the script of one more connection: it stands when the script has ended.
    #[must_use]
    pub fn with_connection(self, script: Script<()>) -> Self {
        self.connections.add(script);
        self
    }

    /// Adds the script of one more turn.
    #[must_use]
    pub fn with_turn(self, script: Script<Transcript>) -> Self {
        self.turns.add(script);
        self
    }

    /// Adds a turn in which `text` is understood after a while.
    #[must_use]
    pub fn with_text(self, text: &str, after: Duration) -> Self {
        let transcript = Transcript { text: text.to_owned(), confidence: None, language: None, is_final: true };
        self.with_turn(Script::new().pause(after).item(transcript))
    }

    /// Adds the script of one more answer. It is whole when the script has ended.
    #[must_use]
    pub fn with_script(self, script: Script<RealtimePiece>) -> Self {
        self.answers.add(script);
        self
    }

    /// Adds an answer of these words and so much silence, which comes after a while.
    #[must_use]
    pub fn with_answer(self, text: &str, sound: Duration, after: Duration) -> Self {
        let script = Script::new().pause(after).item(RealtimePiece::Text(text.to_owned()));
        self.with_script(script.item(RealtimePiece::Sound(sound)))
    }

    /// All commands so far but for the caller's audio.
    #[must_use]
    pub fn commands(&self) -> Vec<RealtimeCommand> {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.iter().filter(|command| !matches!(command, RealtimeCommand::Audio(_))).cloned().collect()
    }

    /// How many frames of the caller it was sent.
    #[must_use]
    pub fn frames(&self) -> usize {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.iter().filter(|command| matches!(command, RealtimeCommand::Audio(_))).count()
    }

    /// The options of all connections so far.
    #[must_use]
    pub fn connections(&self) -> Vec<RealtimeOptions> {
        self.connections.requests()
    }
}

impl Default for ScriptedRealtime {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl RealtimeModel for ScriptedRealtime {
    fn name(&self) -> &'static str {
        "scripted-realtime"
    }

    async fn connect(&self, options: &RealtimeOptions) -> Result<RealtimeConnection> {
        self.connections.note(options.clone());
        let mut script = self.connections.play();
        while script.next().await.transpose()?.is_some() {}
        let (sender, commands) = mpsc::unbounded_channel();
        let connection = Connection {
            commands,
            turns: Arc::clone(&self.turns),
            answers: Arc::clone(&self.answers),
            heard: 0,
            spoken: 0,
            transcribing: None,
            answering: None,
            ready: Vec::new(),
        };
        let events = stream::try_unfold(connection, |mut connection| async {
            Ok(connection.next().await?.map(|event| (event, connection)))
        });
        let sender = Sender { sender, commands: Arc::clone(&self.commands) };
        Ok(RealtimeConnection { sender: Box::new(sender), events: RealtimeEvents(events.boxed()) })
    }
}

#[derive(Debug)]
struct Sender {
    sender: mpsc::UnboundedSender<RealtimeCommand>,
    commands: Arc<Mutex<Vec<RealtimeCommand>>>,
}

#[async_trait]
impl RealtimeSender for Sender {
    async fn send(&mut self, command: RealtimeCommand) -> Result<()> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
        self.sender.send(command).map_err(|_| Error::new(ErrorKind::Closed, "send"))
    }
}

struct Connection {
    commands: mpsc::UnboundedReceiver<RealtimeCommand>,
    turns: Arc<Stage<Transcript, ()>>,
    answers: Arc<Stage<RealtimePiece, ()>>,
    heard: u32,
    spoken: u32,
    transcribing: Option<(ItemId, ResultStream<Transcript>)>,
    /// The answer under way, and whether it has spoken.
    answering: Option<(ResultStream<RealtimePiece>, bool)>,
    /// Events to be told, the last one first.
    ready: Vec<RealtimeEvent>,
}

impl Connection {
    async fn next(&mut self) -> Result<Option<RealtimeEvent>> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Ok(Some(event));
            }
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return Ok(None),
                },
                transcript = transcript(&mut self.transcribing) => self.transcribed(transcript.transpose()?),
                piece = piece(&mut self.answering) => self.say(piece.transpose()?),
            }
        }
    }

    /// A turn whose script gives no final transcript has none.
    fn transcribed(&mut self, transcript: Option<RealtimeEvent>) {
        let is_final = matches!(&transcript, Some(RealtimeEvent::Transcript { transcript, .. }) if transcript.is_final);
        let Some(event) = transcript else {
            let item = self.transcribing.take().map(|(item, _)| item);
            let error = Error::new(ErrorKind::Protocol, "transcribe").with_provider("scripted-realtime");
            return self.ready.push(RealtimeEvent::NotTranscribed { item, error });
        };
        self.ready.push(event);
        if is_final {
            self.transcribing = None;
        }
    }

    fn obey(&mut self, command: RealtimeCommand) {
        match command {
            RealtimeCommand::Commit => {
                self.heard += 1;
                let item = ItemId(format!("heard_{}", self.heard));
                self.transcribing = Some((item.clone(), self.turns.play()));
                self.ready.push(RealtimeEvent::Heard(item));
            }
            RealtimeCommand::Respond { .. } => {
                assert!(self.answering.is_none(), "an answer is under way");
                self.answering = Some((self.answers.play(), false));
            }
            RealtimeCommand::Cancel => {
                let given_up = self.answering.take().map(|_| Error::new(ErrorKind::Closed, "respond"));
                self.ready.extend(given_up.map(|error| RealtimeEvent::Finished(Err(error))));
            }
            _ => {}
        }
    }

    fn say(&mut self, piece: Option<RealtimePiece>) {
        let Some(piece) = piece else {
            self.answering = None;
            return self.ready.push(RealtimeEvent::Finished(Ok(())));
        };
        let event = match piece {
            RealtimePiece::Text(text) => RealtimeEvent::Text(text),
            RealtimePiece::Sound(length) => {
                let samples = usize::try_from(length.as_micros() / 125).unwrap_or(usize::MAX);
                RealtimeEvent::Audio(Bytes::from(vec![mulaw::SILENCE; samples]))
            }
            RealtimePiece::Usage(usage) => return self.ready.push(RealtimeEvent::Usage(usage)),
            RealtimePiece::ToolCall(call) => {
                self.spoken += 1;
                let item = ItemId(format!("spoken_{}", self.spoken));
                return self.ready.push(RealtimeEvent::ToolCall { item, call });
            }
        };
        self.ready.push(event);
        if let Some((_, has_spoken)) = &mut self.answering
            && !std::mem::replace(has_spoken, true)
        {
            self.spoken += 1;
            self.ready.push(RealtimeEvent::Speaking(ItemId(format!("spoken_{}", self.spoken))));
        }
    }
}

async fn transcript(turn: &mut Option<(ItemId, ResultStream<Transcript>)>) -> Option<Result<RealtimeEvent>> {
    let Some((item, transcripts)) = turn else { return std::future::pending().await };
    let transcript = transcripts.next().await?;
    Some(transcript.map(|transcript| RealtimeEvent::Transcript { item: item.clone(), transcript }))
}

async fn piece(answer: &mut Option<(ResultStream<RealtimePiece>, bool)>) -> Option<Result<RealtimePiece>> {
    let Some((pieces, _)) = answer else { return std::future::pending().await };
    pieces.next().await
}
