//! What templates are asked for by name, and what no template needs.

/// What leads from a template into the program that runs it.
pub(super) const DEEP: [&[u8]; 53] = [
    b"__",
    b"getclass",
    b"forname",
    b"getruntime",
    b"runtime.",
    b".exec(",
    b"processbuilder",
    b"popen",
    b"system",
    b"passthru",
    b"subprocess",
    b"freemarker",
    b"t(java",
    b"java.lang",
    b"new java",
    b"org.",
    b"class.",
    b".constructor",
    b"require(",
    b"process.",
    b"file.open",
    b"io.popen",
    b"file.read",
    b"`",
    b"exec",
    b"eval(",
    b"shell",
    b"getenv",
    b"readfile",
    b"_self",
    b"env.",
    b"registerundefined",
    b"$smarty",
    b"{php}",
    b"config.",
    b"lipsum",
    b"cycler",
    b"request.application",
    b"getflashbag",
    b"appcontext",
    b"fetch(",
    b"dir.",
    b"include",
    b"|map",
    b"open(",
    b"%x(",
    b"env[",
    b"messages.storages",
    b"file_excerpt",
    b"java.",
    b"javax.",
    b"getclassloader",
    b"classloader",
];

/// Objects that engines put into templates by themselves.
pub(super) const ROOTS: [&[u8]; 22] = [
    b"config",
    b"self",
    b"settings",
    b"app",
    b"request",
    b"session",
    b"flag",
    b"_context",
    b"$smarty",
    b"loop",
    b"this",
    b"dump(",
    b"debug",
    b"global",
    b"_self",
    b"root",
    b"handler.settings",
    b"user.get",
    b"user.password",
    b"url_for",
    b"get_flashed_messages",
    b"attribute(",
];

/// Lookups of Log4j and of Commons Text, as they begin.
pub(super) const LOOKUPS: [&[u8]; 17] = [
    b"jndi:", b"lower:", b"upper:", b"env:", b"sys:", b"script:", b"java:", b"url:", b"dns:",
    b"ctx:", b"main:", b"k8s:", b"docker:", b"base64decoder:", b"bundle:", b"spring:", b"resourcebundle:",
];

/// Objects that expressions of Java hold ready.
pub(super) const SCOPES: [&[u8]; 14] = [
    b"applicationscope", b"sessionscope", b"requestscope", b"pagescope", b"pagecontext", b"initparam",
    b"headervalues", b"paramvalues", b"#application", b"#session", b"#request", b"#attr", b"#parameters",
    b"#context",
];

/// What templates of Go and of Handlebars are told to do.
pub(super) const TOLD: [&[u8]; 13] = [
    b"printf ", b"println ", b"html \"", b"js \"", b"urlquery ", b"call .", b"define \"", b"template \"",
    b"index .env", b"range .}", b"lookup ", b"@root", b"if eq 1 1",
];

/// Directives of FreeMarker, of Velocity and others, as they begin.
pub(super) const DIRECTIVES: [&[u8]; 20] = [
    b"#set($", b"#set ($", b"<#assign", b"[#assign", b"<#list", b"<#include", b"[#include", b"<#import",
    b"<#macro", b"?new()", b"$class.inspect", b"${{<%", b"{{<%[%", b"{{= global.", b"#include(", b"#parse(",
    b"#evaluate(", b"#foreach(", b"#foreach (", b"constructor.constructor(",
];

/// What Smarty and Latte are told to do between single brackets.
pub(super) const SMARTY: [&[u8]; 14] = [
    b"system(", b"file_get_contents", b"$smarty", b"\"id\"|", b"'id'|", b"fetch file", b"include file",
    b"math equation", b"smarty_internal", b"getstreamvariable", b"clearconfig", b"passthru(", b"phpinfo(",
    b"shell_exec(",
];

/// What stands behind `{%` when an engine is told what to do.
pub(super) const STATEMENTS: [&[u8]; 22] = [
    b"import", b"include", b"set ", b"debug", b"for ", b"if ", b"raw", b"extends", b"block", b"macro",
    b"end", b"load", b"autoescape", b"print", b"with ", b"capture", b"assign", b"filter", b"call ", b"do ",
    b"apply", b"from ",
];
