//! The words of days, clocks and waits.

use jiff::civil::Weekday;

use super::super::super::language::Language;

/// What a word says of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Day(Day),
    Part(Part),
    Number(i8),
    /// One of what is waited, and no time on the clock.
    Article,
    /// "Halv fem" is half an hour before five, "half five" half an hour after it.
    HalfTo,
    HalfPast,
    Quarter,
    Past,
    To,
    Am,
    Pm,
    After,
    Before,
    Between,
    /// Between two times.
    And,
    In,
    Next,
    Unit(Unit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Day {
    /// So many days from today.
    Ahead(i8),
    On(Weekday),
    /// Saturday and Sunday.
    Weekend,
    /// Any of the next week.
    NextWeek,
    NextMonth,
}

/// A part of a day, by its first and last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) from: Minute,
    pub(super) until: Minute,
}

/// A minute of a day, from 0; 24 hours is its end.
pub(super) type Minute = i16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minutes(i16),
    Days(i16),
    Months,
}

const fn part(from: Minute, until: Minute) -> Word {
    Word::Part(Part { from: from * 60, until: until * 60 })
}

const EVENING: Word = part(17, 21);
const AFTERNOON: Word = part(13, 17);
const MORNING: Word = part(8, 11);
const LUNCH: Word = part(11, 13);
const WORK: Word = part(8, 17);
const HALF_AN_HOUR: Word = Word::Unit(Unit::Minutes(30));
const AN_HOUR_AND_A_HALF: Word = Word::Unit(Unit::Minutes(90));
const HOUR: Word = Word::Unit(Unit::Minutes(60));
const MINUTE: Word = Word::Unit(Unit::Minutes(1));
const DAY: Word = Word::Unit(Unit::Days(1));
const WEEK: Word = Word::Unit(Unit::Days(7));
const MONTH: Word = Word::Unit(Unit::Months);

const fn on(weekday: Weekday) -> Word {
    Word::Day(Day::On(weekday))
}

const fn ahead(days: i8) -> Word {
    Word::Day(Day::Ahead(days))
}

/// Words and what they say; those of several come first.
pub(super) type Vocabulary = &'static [(&'static str, Word)];

pub(super) const fn of(language: Language) -> Vocabulary {
    match language {
        Language::Swedish => SWEDISH,
        Language::English => ENGLISH,
    }
}

#[rustfmt::skip]
const SWEDISH: Vocabulary = &[
    ("i morgon", ahead(1)), ("i övermorgon", ahead(2)), ("i kväll", EVENING), ("en annan dag", ahead(1)),
    ("imorgon", ahead(1)), ("övermorgon", ahead(2)), ("idag", ahead(0)), ("ikväll", EVENING),
    ("måndag", on(Weekday::Monday)), ("tisdag", on(Weekday::Tuesday)), ("onsdag", on(Weekday::Wednesday)),
    ("torsdag", on(Weekday::Thursday)), ("fredag", on(Weekday::Friday)), ("lördag", on(Weekday::Saturday)),
    ("söndag", on(Weekday::Sunday)), ("helgen", Word::Day(Day::Weekend)),
    ("bitti", MORNING), ("morgon", MORNING), ("morgonen", MORNING), ("förmiddag", part(9, 12)), ("förmiddagen", part(9, 12)),
    ("lunch", LUNCH), ("eftermiddag", AFTERNOON), ("eftermiddagen", AFTERNOON), ("kväll", EVENING), ("kvällen", EVENING),
    ("kvällstid", EVENING), ("dagtid", part(9, 17)), ("jobbet", WORK), ("middag", part(17, 19)), ("middagen", part(17, 19)),
    ("maten", part(17, 19)),
    ("efter", Word::After), ("före", Word::Before), ("innan", Word::Before), ("mellan", Word::Between), ("och", Word::And), ("om", Word::In),
    ("nästa", Word::Next),
    ("en och en halv timme", AN_HOUR_AND_A_HALF), ("halvtimme", HALF_AN_HOUR), ("halv timme", HALF_AN_HOUR), ("timme", HOUR), ("timmar", HOUR), ("minut", MINUTE), ("minuter", MINUTE),
    ("dag", DAY), ("dagar", DAY), ("vecka", WEEK), ("veckor", WEEK), ("månad", MONTH), ("månader", MONTH),
    ("halv", Word::HalfTo), ("kvart", Word::Quarter), ("över", Word::Past), ("i", Word::To),
    ("en", Word::Article), ("ett", Word::Number(1)), ("två", Word::Number(2)), ("tre", Word::Number(3)),
    ("några", Word::Number(3)), ("fyra", Word::Number(4)), ("fem", Word::Number(5)), ("sex", Word::Number(6)),
    ("sju", Word::Number(7)), ("åtta", Word::Number(8)), ("nio", Word::Number(9)), ("tio", Word::Number(10)),
    ("elva", Word::Number(11)), ("tolv", Word::Number(12)), ("tretton", Word::Number(13)), ("fjorton", Word::Number(14)),
    ("femton", Word::Number(15)), ("sexton", Word::Number(16)), ("sjutton", Word::Number(17)), ("arton", Word::Number(18)),
    ("nitton", Word::Number(19)), ("tjugo", Word::Number(20)), ("trettio", Word::Number(30)),
];

#[rustfmt::skip]
const ENGLISH: Vocabulary = &[
    ("another day", ahead(1)), ("some other day", ahead(1)), ("half past", Word::HalfPast), ("half an hour", HALF_AN_HOUR),
    ("half a hour", HALF_AN_HOUR),
    ("tomorrow", ahead(1)), ("today", ahead(0)), ("tonight", EVENING),
    ("monday", on(Weekday::Monday)), ("tuesday", on(Weekday::Tuesday)), ("wednesday", on(Weekday::Wednesday)),
    ("thursday", on(Weekday::Thursday)), ("friday", on(Weekday::Friday)), ("saturday", on(Weekday::Saturday)),
    ("sunday", on(Weekday::Sunday)), ("weekend", Word::Day(Day::Weekend)),
    ("morning", part(9, 12)), ("lunch", LUNCH), ("afternoon", AFTERNOON), ("evening", EVENING), ("work", WORK),
    ("dinner", part(17, 19)), ("school", part(8, 15)),
    ("after", Word::After), ("before", Word::Before), ("between", Word::Between), ("and", Word::And), ("in", Word::In), ("next", Word::Next),
    ("an hour and a half", AN_HOUR_AND_A_HALF), ("hour", HOUR), ("hours", HOUR), ("minute", MINUTE), ("minutes", MINUTE),
    ("day", DAY), ("days", DAY), ("week", WEEK), ("weeks", WEEK), ("month", MONTH), ("months", MONTH),
    ("half", Word::HalfPast), ("quarter", Word::Quarter), ("past", Word::Past), ("to", Word::To), ("am", Word::Am), ("pm", Word::Pm),
    ("a", Word::Article), ("an", Word::Article), ("couple", Word::Number(2)), ("few", Word::Number(3)),
    ("one", Word::Number(1)), ("two", Word::Number(2)), ("three", Word::Number(3)), ("four", Word::Number(4)),
    ("five", Word::Number(5)), ("six", Word::Number(6)), ("seven", Word::Number(7)), ("eight", Word::Number(8)),
    ("nine", Word::Number(9)), ("ten", Word::Number(10)), ("eleven", Word::Number(11)), ("twelve", Word::Number(12)),
    ("noon", Word::Number(12)), ("fifteen", Word::Number(15)), ("twenty", Word::Number(20)), ("thirty", Word::Number(30)),
    ("fortyfive", Word::Number(45)),
];
