// Two hundred texts that have been more than text on somebody's page: each adds to `window.ran` if it runs.

const RUN = "window.ran=(window.ran||0)+1";

const scripts = ["script", "ScRiPt", "script ", "script/x", "script\n", "script type=module", "script src=data:text/javascript,0"].map((tag) => `<${tag}>${RUN}</script>`);

const events = ["onerror", "onload", "onclick", "onfocus", "onmouseover", "onanimationstart", "ontoggle", "onpointerenter", "onbegin", "onwheel"];
const handlers = events.flatMap((event) => [
  `<img src=x ${event}="${RUN}">`, `<svg ${event}=${RUN}>`, `<body ${event}='${RUN}'>`, `<details open ${event}=${RUN}>x</details>`,
  `<input autofocus ${event}=${RUN}>`, `<video><source ${event}="${RUN}"></video>`,
]);

const breakouts = ["\"", "'", "`", "\">", "'>", "-->", "</textarea>", "</title>", "</style>", "</script>", "</select>", "]]>", "</option>"].map((end) => `${end}<img src=x onerror=${RUN}>`);

const addresses = ["javascript:", "JaVaScRiPt:", " javascript:", "java\tscript:", "javascript&colon;", "&#106;avascript:", "data:text/html,", "vbscript:", "\u0001javascript:", "blob:", "view-source:javascript:", "//javascript:"].flatMap((scheme) => [
  `${scheme}${RUN}`, `<a href="${scheme}${RUN}" autofocus>x</a>`, `<iframe src="${scheme}${RUN}"></iframe>`,
]);

const drawings = [
  `<svg><script>${RUN}</script></svg>`, `<svg/onload=${RUN}>`, `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`, `<math><mtext><img src=x onerror=${RUN}></mtext></math>`,
  `<svg><use href="data:image/svg+xml,<svg id='x' onload='${RUN}'/>#x"/></svg>`, `<svg><foreignObject><img src=x onerror=${RUN}></foreignObject></svg>`, `<svg><a xlink:href="javascript:${RUN}"><text>x</text></a></svg>`,
];

const frames = [
  `<iframe srcdoc="<script>parent.${RUN}</script>"></iframe>`, `<object data="javascript:${RUN}"></object>`, `<embed src="javascript:${RUN}">`, `<base href="//example.com/">`,
  `<link rel=stylesheet href="data:text/css,*{display:none}">`, `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`, `<form action="javascript:${RUN}"><button>x</button></form>`,
  `<style>*{display:none!important}</style>`, `<style>@import 'javascript:${RUN}';</style>`, `<div style="position:fixed;inset:0;background:url(javascript:${RUN})">x</div>`,
  `<template><img src=x onerror=${RUN}></template>`, `<noscript><img src=x onerror=${RUN}></noscript>`, `<x-y onclick=${RUN}>x</x-y>`, `<marquee onstart=${RUN}>x</marquee>`, `<xmp><img src=x onerror=${RUN}></xmp>`,
];

const templates = ["{{%}}", "${%}", "#{%}", "<%= % %>", "{%%%}", "[[%]]", "{{constructor.constructor('%')()}}", "{%=%%}", "@{%}", "*{%}", "~{%}", "{{=<% %>=}}"].map((form) => form.replaceAll("%", RUN));

const entities = ["&lt;script&gt;", "&#60;img src=x onerror=1&#62;", "&amp;lt;b&amp;gt;", "&nbsp;&nbsp;", "%3Cscript%3E", "\\u003cscript\\u003e", "\\x3cscript\\x3e", "+ADw-script+AD4-", "\uFF1Cscript\uFF1E", "<\u200Bscript>", "<!--", "<![CDATA[x]]>", "<?xml version=\"1.0\"?>", "<!DOCTYPE html>"].map((text) => `${text}${RUN}`);

const directions = ["\u202E", "\u202D", "\u2066", "\u2067", "\u2068", "\u200F", "\u061C", "\u202B"].map((mark, i) => `${mark}txt.exe ${i} abc \u05D0\u05D1\u05D2`);

const wide = [
  "Ö".repeat(400), "W".repeat(500), "a\u0301".repeat(200), "\u{1F600}".repeat(150), "—".repeat(200), "x\u00A0".repeat(150).trim(), "_".repeat(300), "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3),
  "Z" + "\u0335\u0353\u0322\u031B\u0356\u0300".repeat(30), "\u2588".repeat(200),
];

const formulas = ["=", "+", "-", "@", "\t=", "=cmd|' /C calc'!A0 ", "=HYPERLINK(\"//example.com\",\"x\")", "=IMPORTXML(A1)", "@SUM(1+1)*cmd", "-2+3+cmd|' /C calc'!A0", "+1+1", "%0A-1", ";=1", "\"=1\"", "=\"1\"&\"2\""].map((start, i) => `${start}${i}`);

const others = [
  "'; DROP TABLE call_sessions; --", "\" OR 1=1 --", "../../../../etc/passwd", "__proto__", "constructor", "toString", "hasOwnProperty", "null", "undefined", "NaN", "[object Object]", "true", "0", "-0", "1e309",
  "line one\nline two", "tab\tseparated", "back\\slash", "a\u0007bell", "lone \uFFFD", "\uFEFFbegins oddly", "<b>bold</b>", "<h1>big</h1>", "**bold** [x](javascript:0)", "event: said\ndata: {}", "$&$1$`$'", "%s %d %n %x",
];

export const payloads = [...scripts, ...handlers, ...breakouts, ...addresses, ...drawings, ...frames, ...templates, ...entities, ...directions, ...wide, ...formulas, ...others];
