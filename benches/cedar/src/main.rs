//! Cedar in a process of its own, for whoever measures decisions beside it.
//!
//! The first line of standard input is the data, the second a list of the inputs. Then each line
//! asks for a round: all inputs in turn, by one thread. A line comes back for each of them: first
//! what Cedar said to each input, then the nanoseconds one of them took, the mean of the round.
//! Entities and requests are made beforehand, as the other contenders read theirs beforehand.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
};
use cedar_policy::{Entity, EntityId, EntityTypeName};
use serde_json::{Value, json};

/// What is granted is data: a document knows which roles may read it and which may write it, and
/// users are in their roles.
const POLICIES: &str = "
permit (principal, action == Action::\"read\", resource) when { principal in resource.read };
permit (principal, action == Action::\"write\", resource) when { principal in resource.write };
";

const VERBS: [&str; 2] = ["read", "write"];

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut lines = std::io::stdin().lock().lines();
    let mut read = || -> Outcome<Value> {
        Ok(serde_json::from_str(&lines.next().ok_or("nothing more is said")??)?)
    };
    let (data, inputs) = (read()?, read()?);
    let inputs = inputs.as_array().ok_or("the inputs are no list")?;
    let policies: PolicySet = POLICIES.parse()?;
    let entities = entities(&data, inputs)?;
    let requests = inputs.iter().map(request).collect::<Outcome<Vec<Request>>>()?;
    let authorizer = Authorizer::new();
    let decide = |request| authorizer.is_authorized(request, &policies, &entities).decision();

    let said: Vec<bool> =
        requests.iter().map(|request| decide(request) == Decision::Allow).collect();
    say(&json!({ "said": said, "version": cedar_policy::get_sdk_version().to_string() }))?;
    for line in lines {
        line?;
        // Once before it is measured, as the other contenders.
        for request in &requests {
            black_box(decide(black_box(request)));
        }
        let since = Instant::now();
        for request in &requests {
            black_box(decide(black_box(request)));
        }
        let nanos = since.elapsed().as_nanos() as f64 / requests.len() as f64;
        say(&json!({ "nanos": nanos }))?;
    }
    Ok(())
}

fn say(line: &Value) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn uid(kind: &str, name: &Value) -> Outcome<EntityUid> {
    let kind: EntityTypeName = kind.parse()?;
    let name = name.as_str().ok_or("a name is no text")?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(name)))
}

/// Users in roles, roles, and documents that know their roles; those nobody may do anything with
/// too, since a document that is not there would be an error and no answer.
fn entities(data: &Value, inputs: &[Value]) -> Outcome<Entities> {
    let mut all = Vec::new();
    for (user, roles) in members(data, "users")? {
        let roles = roles.as_array().ok_or("the roles of a user are no list")?;
        let roles = roles.iter().map(|role| uid("Role", role)).collect::<Outcome<_>>()?;
        all.push(Entity::new_no_attrs(uid("User", &json!(user))?, roles));
    }
    let keyed = members(data, "keyed")?;
    let mut documents: Vec<&str> =
        inputs.iter().filter_map(|input| input["resource"]["id"].as_str()).collect();
    for grants in keyed.values() {
        let granted = VERBS.iter().filter_map(|verb| grants[verb].as_object());
        documents.extend(granted.flat_map(|granted| granted.keys().map(String::as_str)));
    }
    documents.sort_unstable();
    documents.dedup();
    for document in documents {
        let may = |verb: &str| -> Outcome<(String, RestrictedExpression)> {
            let roles = keyed.iter().filter(|(_, grants)| grants[verb][document] == true);
            let roles = roles.map(|(role, _)| {
                Ok(RestrictedExpression::new_entity_uid(uid("Role", &json!(role))?))
            });
            let roles = roles.collect::<Outcome<Vec<_>>>()?;
            Ok((verb.to_owned(), RestrictedExpression::new_set(roles)))
        };
        let attributes = VERBS.iter().map(|verb| may(verb)).collect::<Outcome<_>>()?;
        let name = uid("Doc", &json!(document))?;
        all.push(Entity::new(name, attributes, Default::default())?);
    }
    for role in keyed.keys() {
        all.push(Entity::new_no_attrs(uid("Role", &json!(role))?, Default::default()));
    }
    Ok(Entities::from_entities(all, None)?)
}

fn members<'a>(data: &'a Value, name: &str) -> Outcome<&'a serde_json::Map<String, Value>> {
    Ok(data[name].as_object().ok_or_else(|| format!("`{name}` is no object"))?)
}

fn request(input: &Value) -> Outcome<Request> {
    let who = uid("User", &input["subject"]["id"])?;
    let what = uid("Action", &input["action"]["name"])?;
    let which = uid("Doc", &input["resource"]["id"])?;
    Ok(Request::new(who, what, which, Context::empty(), None)?)
}
