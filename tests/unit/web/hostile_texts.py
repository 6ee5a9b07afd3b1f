"""Texts that become markup, script or an address wherever text is not treated as text. Every one must stay inert."""

from __future__ import annotations

from itertools import product

_BARE = (
    "<script>canary()</script>", "</script><script>canary()</script>", "<ScRiPt>canary()</sCrIpT>",
    "<script src=//example.org/x.js></script>", "<svg onload=canary()>", "<svg><script>canary()</script></svg>",
    "<svg/onload=canary()>", "<math><mi xlink:href=javascript:canary()>x", "<iframe src=javascript:canary()>",
    "<iframe srcdoc='<script>parent.canary()</script>'>", "<object data=javascript:canary()>",
    "<embed src=data:text/html,x>", "<link rel=stylesheet href=//example.org/x.css>", "<base href=//example.org/>",
    "<meta http-equiv=refresh content=0>", "<form action=//example.org><button>x</button></form>",
    "<input onfocus=canary() autofocus>", "<details open ontoggle=canary()>", "<body onload=canary()>",
    "<video><source onerror=canary()></video>", "<audio src onerror=canary()>", "<marquee onstart=canary()>",
    "<a href=javascript:canary()>x</a>", "<a href='data:text/html,<script>canary()</script>'>x</a>",
    "<style>@import'//example.org'</style>", "<style>*{background:url(//example.org)}</style>",
    "<template><script>canary()</script></template>", "<!--<img src=x onerror=canary()>-->",
    "<![CDATA[<script>canary()</script>]]>", "<?xml version='1.0'?><script>canary()</script>", "{{7*7}}", "{% raw %}",
    "${canary()}", "#{canary()}", "{{ ''.__class__ }}", "javascript:canary()",
    "data:text/html,<script>canary()</script>", "\u2028<script>canary()</script>", "<script\x0b>canary()</script>",
    "<<script>canary()//<</script>", "<scr\u200bipt>canary()</script>", "\u202e<tpircs>", "&lt;script&gt;",
    "&#60;script&#62;canary()&#60;/script&#62;", "%3Cscript%3Ecanary()%3C/script%3E", "\\u003cscript\\u003ecanary()",
    "＜script＞canary()＜/script＞", "<plaintext>", "<xmp><script>canary()</script>",
    "<noscript><p title='</noscript><img src=x onerror=canary()>'>", "]]>", "--!><img src=x onerror=canary()>",
    "<img src=`x`onerror=canary()>", "<isindex type=image src=1 onerror=canary()>", "<x onclick=canary()>x",
    "<select autofocus onfocus=canary()>", "<keygen autofocus onfocus=canary()>", "<frameset onload=canary()>",
    "<table background=javascript:canary()>", "<div style=width:expression(canary())>", "event: queue\ndata: {}\n\n",
    "id: 99\nevent: gone\ndata: {}\n\n", "data: x\r\n\r\nevent: gone\r\ndata: {}\r\n\r\n", "\n\n: x\n\n",
    "\r\nSet-Cookie: sid=x", 'tel:113" onclick=canary() x="', "113<script>canary()</script>115", "<b>113</b>",
)  # fmt: skip
_BREAKERS = ('"', "'", '">', "'>", "</textarea>", "</title>", "</p></li></ol>", "`>", '" ')
_LOADS = (
    "<img src=x onerror=canary()>",
    "<script>canary()</script>",
    "onmouseover=canary() x=",
    "onfocus=canary() autofocus x=",
)

TEXTS: tuple[str, ...] = _BARE + tuple(breaker + load for breaker, load in product(_BREAKERS, _LOADS))
