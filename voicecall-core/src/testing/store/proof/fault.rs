//! What a store can do wrong.

use crate::event::EventType;

/// A fault of a store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    None,
    /// Every request to begin sending is granted.
    SendsAgain,
    /// Reads that the attempt is planned, and writes later.
    ChecksThenSends,
    /// A settled attempt is overwritten in silence.
    Resettles,
    /// Takes entries from whoever owned the session before.
    AcceptsStaleOwners,
    /// Refuses stale owners after it has written.
    RefusesTooLate,
    /// A repeated entry is skipped, but what follows from it is written again.
    DerivesAgain,
    /// Another entry under a taken number is dropped in silence.
    DropsTakenNumbers,
    /// A batch is written entry by entry.
    SplitsBatches,
    /// A refused change still appends its event.
    EventWithoutChange,
    /// A change does not append its event.
    ChangeWithoutEvent,
    /// A change the state machine does not have is passed over in silence.
    IgnoresTransitions,
    /// A reference may have as many sessions as it is asked for.
    ForgetsReferences,
    /// Ciphertext is replaced whatever stands there by now.
    ResealsAnything,
    /// A key's canary is replaced by the next one.
    ReplacesCanaries,
    /// Looks for the reference first, and creates later.
    ChecksThenCreates,
    /// Facts are kept although an extension refuses what follows from them.
    KeepsRefusedFacts,
    /// Sessions are erased although an extension keeps its rows.
    ErasesByHalves,
    /// Calls of two accounts are told apart by their names alone.
    ForgetsAccounts,
    /// A call is no longer than two minutes.
    ClampsDurations,
    /// Whoever asks gets a waiting session's turn.
    ClaimsAgain,
    /// Whoever owned the session before may still call.
    SendsForAnybody,
    /// Takes a session over although somebody's lease runs.
    TakesWhatIsLeased,
    /// Takes a session from whoever has it, whomever it was to be taken from.
    TakesFromAnybody,
    /// Lets owners believe that they still own what others took over.
    RenewsWhatIsLost,
    CallsANumberTwice,
    ForgetsContactLimits,
    SignalsTwice,
    SignalsWhoeverAsks,
    /// Those who wait are called in turn, urgent or not.
    ForgetsPriority,
    /// Who has waited longest is found first, however many of them are one tenant's.
    FindsTheLongestQueue,
    /// The second report of an attempt's end is taken for another end.
    FinishesAgain,
    /// One step of a retention job takes all there is, however long the others wait.
    ForgetsLimits,
    /// A session is deleted while its call goes on.
    DeletesLiveSessions,
    /// Of the sessions asked about, only failed ones are found.
    FindsFailedOnly,
    /// A session is found for every id.
    FindsAnyId,
    /// A session is created with whoever is asked for.
    CallsAnybody,
    /// That somebody wants to be called again is not kept.
    ForgetsCallBacks,
    /// A price that comes again is another price.
    ChargesAgain,
    /// Who waits keeps the turn, whatever the person said meanwhile.
    CallsWhoWaits,
    /// The wish not to be called any more is taken in although it is not stored.
    ForbidsTooEarly,
    /// The wish not to be called any more is erased with its person.
    ErasesWishes,
    /// A message that comes again is another message.
    TakesMessagesAgain,
    ForgetsMessageKeys,
    /// Who asked for no more messages gets them.
    WritesToAnybody,
    /// What an answer journals is stored although the answer is refused.
    SplitsAnswers,
    AnswersAgain,
    /// Messages somebody is answering are given to others.
    AnswersWhatIsLeased,
    SendsMessagesAgain,
    SendsOutOfOrder,
    /// A late report counts for more than what is known.
    BelievesTheLatestReport,
    /// What others remembered meanwhile is lost.
    RemembersWhateverCame,
    /// Events are kept although nobody takes them up any more.
    AlwaysTells,
    ForgetsEvents(EventType),
    /// Nobody is told of an attempt while another one follows.
    ForgetsAttempts,
    /// An event starts its workflows as often as somebody takes it up.
    StartsAgain,
    ClaimsRunsAgain,
    /// Who was overtaken still writes.
    SavesForAnybody,
    ForgetsOutputs,
    RunsTooEarly,
    ForgetsBusyLanes,
    /// What goes on is taken for a dead letter.
    ReplaysAnything,
    ForgetsSecrets,
    /// What waits for a subscription stays when that is gone.
    DeliversToNobody,
    /// The method with this name does not look at the tenant.
    Leaks(&'static str),
}
