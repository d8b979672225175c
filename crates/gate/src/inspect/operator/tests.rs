//! Operators and script of document stores; all written for this test.

use super::super::tests::missed;

const OPERATORS: &[&str] = &[
    "{\"$ne\": null}",
    "{\"$gt\": \"\"}",
    "{\"$gt\":undefined}",
    "{'$ne': 1}",
    "{$ne: 1}",
    "{$gt: ''}",
    "[$ne]=1",
    "user[$ne]=1",
    "user[$regex]=^a",
    "user%5B%24ne%5D=1",
    "[$exists]=true",
    "{\"$regex\": \"^a\"}",
    "{\"$where\": \"1==1\"}",
    "{\"$where\":\"sleep(1000)\"}",
    "$where: '1 == 1'",
    ", $where: '1 == 1'",
    "', $where: '1 == 1",
    "', $or: [ {}, { 'a':'a",
    "{\"$or\": [{\"a\": 1}, {\"b\": 2}]}",
    "{\"a\": {\"$in\": [\"x\", \"y\"]}}",
    "{\"$nin\": [1]}",
    "{\"a\": {\"$not\": {\"$eq\": 1}}}",
    "{\"$expr\": {\"$function\": {\"body\": \"function(){}\", \"args\": [], \"lang\": \"js\"}}}",
    "{\"\\u0024ne\": 1}",
    "{\"$lookup\": {\"from\": \"users\"}}",
    "{\"$set\": {\"role\": \"admin\"}}",
    "{\"$push\": {\"roles\": \"admin\"}}",
    "[{\"$match\": {}}, {\"$out\": \"x\"}]",
    "{\"$accumulator\": {\"init\": \"function(){}\"}}",
    "username[$nin][]=admin",
    "{\"selector\": {\"_id\": {\"$gt\": null}}}",
    "{\"script\": {\"source\": \"Runtime.getRuntime().exec('id')\"}}",
    "{\"$unionWith\": \"users\"}",
    "{\"__proto__\": {\"isAdmin\": true}}",
    "__proto__[isAdmin]=true",
    "constructor[prototype][isAdmin]=true",
];

const SCRIPT: &[&str] = &[
    "' || '1'=='1",
    "' || 1==1//",
    "' || 1==1%00",
    "' && this.password.match(/.*/)//",
    "'; return true; var x='",
    "\"; return true; var x=\"",
    "'; while(true){}'",
    "';sleep(5000);'",
    "1;sleep(5000)",
    "0;var d=new Date();do{c=new Date();}while(c-d<5000);",
    "'; db.users.drop(); '",
    "db.users.find({})",
    "this.a == 1 || 1==1",
    "' + (function(){return 1})() + '",
    "'}); db.x.insert({a:1}); //",
    "1; return true",
    "a'; return this.a != 'b' || '1'=='1",
    "';it=new%20Date();do{pt=new%20Date();}while(pt-it<5000);",
    "||1==1",
    "' || true || '",
    "'||this||'",
    "true, $where: '1 == 1'",
    "\\'; return 1; //",
    "x\r\nFLUSHALL\r\n",
    "x\r\nCONFIG SET dir /var/www\r\n",
    "*1\r\n$8\r\nflushall\r\n",
];

#[test]
fn operators_are_found_where_a_value_should_stand() {
    let families = [("operators", OPERATORS), ("script", SCRIPT)];
    let wrong = missed(&families);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
