use rego::value::json;

use super::*;

const TERMS: Terms = Terms { threshold: 0.95, evidence: 200, precision: 0.99 };

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }
}

fn shown(tool: &str, target: &str, team: &str) -> Value {
    json::read(format!(r#"{{"tool":"{tool}","target":"{target}","team":"{team}"}}"#).as_bytes())
        .unwrap()
}

fn any(dice: &mut Dice) -> (Value, bool) {
    let tool = dice.of(&["read", "list", "write", "delete", "move"]);
    let target = dice.of(&["docs/a.md", "docs/b.md", "src/main.rs", "src/lib.rs", "prod/key"]);
    let team = dice.of(&["red", "blue", "green"]);
    // What reads is let pass unless it is about what is in production; what writes never is.
    let passes = matches!(tool, "read" | "list") && !target.starts_with("prod");
    (shown(tool, target, team), passes)
}

fn lesson(shown: Value, passes: bool) -> Lesson {
    Lesson { shown, decision: if passes { "approve" } else { "block" }.to_owned() }
}

/// So many decisions by the hidden rule, of which so many in a hundred are mistaken.
fn lessons(count: usize, mistaken: usize, seed: u64) -> Vec<Lesson> {
    let mut dice = Dice(seed);
    (0..count)
        .map(|_| {
            let (shown, passes) = any(&mut dice);
            let is_mistaken = dice.below(100) < mistaken;
            lesson(shown, passes != is_mistaken)
        })
        .collect()
}

#[test]
fn a_hidden_rule_is_learned_and_said_with_reasons() {
    let learned = Learned::of(&lessons(400, 0, 1), TERMS);
    let (mut dice, mut answered) = (Dice(2), 0);
    for _ in 0..300 {
        let (shown, passes) = any(&mut dice);
        if let Some(verdict) = learned.ask(&shown, TERMS) {
            answered += 1;
            assert_eq!(verdict.decision == "approve", passes, "{shown} {verdict:?}");
            assert!((0.95..=1.0).contains(&verdict.confidence), "{verdict:?}");
        }
    }
    assert!(answered >= 200, "{answered} of 300");
    let verdict = learned.ask(&shown("delete", "src/lib.rs", "red"), TERMS).unwrap();
    assert_eq!(verdict.decision, "block");
    assert!(verdict.reason.contains("400 decisions"), "{}", verdict.reason);
    assert!(verdict.reason.contains("tool has delete"), "{}", verdict.reason);
}

#[test]
fn what_it_says_of_cases_it_did_not_see_is_as_often_so_as_it_says() {
    // A tenth of the decisions are mistaken, so that there is something to be unsure of.
    let all = lessons(1200, 10, 3);
    let learned = Learned::of(&all, TERMS);
    let word = &learned.words["approve"];
    let mut bins = [(0.0, 0.0, 0); 5];
    for lesson in lessons(3000, 10, 4) {
        let sum = word.model.sum(&features::of(&lesson.shown).unwrap());
        let likely = word.curve.at(sum);
        let bin = &mut bins[((likely * 5.0) as usize).min(4)];
        bin.0 += likely;
        bin.1 += f64::from(u8::from(lesson.decision == "approve"));
        bin.2 += 1;
    }
    let total = 3000.0;
    let off: f64 = bins.iter().map(|(said, was, _)| (said - was).abs() / total).sum();
    assert!(off < 0.05, "off by {off}: {bins:?}");
    for (said, was, count) in bins {
        let count_of = f64::from(count);
        assert!(count < 100 || ((said - was) / count_of).abs() < 0.15, "{bins:?}");
    }
}

#[test]
fn it_says_nothing_of_what_it_never_saw() {
    let learned = Learned::of(&lessons(400, 0, 5), TERMS);
    assert!(learned.ask(&shown("read", "docs/a.md", "red"), TERMS).is_some());
    for strange in [
        shown("format", "docs/a.md", "red"),
        shown("read", "docs/a.md; rm", "red"),
        shown("read", "docs/c.md", "red"),
        shown("read", "docs/a.md", "violet"),
        json::read(br#"{"tool":"read","target":"docs/a.md"}"#).unwrap(),
        json::read(br#"{"tool":"read","target":"docs/a.md","team":"red","as":"root"}"#).unwrap(),
        json::read(br#"{"tool":["read"],"target":"docs/a.md","team":"red"}"#).unwrap(),
        json::read(br#"{"tool":"read","target":7,"team":"red"}"#).unwrap(),
        json::read(b"{}").unwrap(),
    ] {
        assert_eq!(learned.ask(&strange, TERMS), None, "{strange}");
    }
}

#[test]
fn with_less_evidence_than_is_configured_it_says_nothing() {
    let asked = shown("read", "docs/a.md", "red");
    for (count, mistaken, expected) in [
        (0, 0, false),
        (20, 0, false),
        (199, 0, false),
        (300, 0, true),
        (300, 20, false),
        (600, 45, false),
    ] {
        let learned = Learned::of(&lessons(count, mistaken, 6), TERMS);
        assert_eq!(learned.ask(&asked, TERMS).is_some(), expected, "{count} {mistaken}");
    }
    // Sure enough is not right enough: a tenth of these decisions are mistaken.
    let noisy = Learned::of(&lessons(600, 10, 6), Terms { threshold: 0.6, ..TERMS });
    for (precision, expected) in [(0.7, true), (0.99, false)] {
        let terms = Terms { threshold: 0.6, precision, ..TERMS };
        assert_eq!(noisy.ask(&asked, terms).is_some(), expected, "{precision}");
    }
    // One who always says yes is no evidence of what a no would be.
    let always: Vec<_> =
        lessons(400, 0, 7).into_iter().map(|one| lesson(one.shown, true)).collect();
    assert_eq!(Learned::of(&always, TERMS).ask(&asked, TERMS), None);
    // Nor are three noes.
    let mut rarely = always;
    rarely.iter_mut().step_by(150).for_each(|one| "block".clone_into(&mut one.decision));
    let learned = Learned::of(&rarely, TERMS);
    let said: Vec<_> = rarely
        .iter()
        .filter_map(|one| learned.ask(&one.shown, TERMS))
        .map(|said| said.decision)
        .collect();
    assert!(!said.iter().any(|decision| decision == "block"), "{said:?}");
}

#[test]
fn the_same_lessons_make_the_same_model() {
    let (one, other) =
        (Learned::of(&lessons(300, 5, 8), TERMS), Learned::of(&lessons(300, 5, 8), TERMS));
    for lesson in lessons(100, 0, 9) {
        assert_eq!(one.ask(&lesson.shown, TERMS), other.ask(&lesson.shown, TERMS));
        let sum = |learned: &Learned| {
            learned.words["block"].model.sum(&features::of(&lesson.shown).unwrap()).to_bits()
        };
        assert_eq!(sum(&one), sum(&other));
    }
}
