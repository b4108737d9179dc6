#include "load/report/report_style.h"

namespace rerank::load {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --page: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #566072; --line: #d9dee6;
  --grid: #e8ebf0; --s0: #1d63a8; --s1: #c2410c; --s2: #14763b; --s3: #7238c9; --s4: #8f5a06; --s5: #b3165f; --s6: #0e6f6a;
  --s7: #4a5362; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --card: #1a2029; --ink: #e8ecf2; --soft: #a3adbd;
  --line: #343d4a; --grid: #2a323d; --s0: #6db3f8; --s1: #fb9a5b; --s2: #5fd38a; --s3: #c0a5fb; --s4: #e6c04a; --s5: #f58ac0;
  --s6: #45d3c6; --s7: #c3cad5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 36px 0 4px; }
h3 { font-size: 15px; margin: 0 0 6px; overflow-wrap: anywhere; }
.group { margin: 20px 0 8px; }
p { margin: 0 0 12px; color: var(--soft); max-width: 76ch; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 290px), 1fr)); gap: 12px; }
.wide { grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; margin: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 1px 14px; margin: 0; font-size: 14px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details { margin-top: 8px; font-size: 13px; color: var(--soft); }
summary { cursor: pointer; }
code { font: 12.5px/1.45 ui-monospace, "SF Mono", Consolas, monospace; overflow-wrap: anywhere; }
figure { margin: 0; }
figcaption { font-weight: 600; margin-bottom: 2px; }
figcaption span { font-weight: 400; color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }
svg .value { fill: var(--ink); }
.grid-line { stroke: var(--grid); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; }
.series { fill: none; stroke-width: 2; }
.mark { stroke-width: 1.5; stroke: var(--card); }
.near { fill: transparent; }
g.point:hover .mark { stroke: var(--ink); stroke-width: 2; }
.bar { opacity: 0.8; }
.bar:hover { opacity: 1; }
.rule { stroke: var(--ink); stroke-width: 1.25; }
.rule-99 { stroke-dasharray: 4 3; }
.key { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 4px 0 14px; padding: 0; list-style: none; font-size: 14px; }
.key svg { display: inline-block; width: 42px; height: 14px; vertical-align: -2px; margin-right: 7px; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 9px; border-bottom: 1px solid var(--grid); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
td:first-child { white-space: normal; min-width: 170px; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--grid); }
.warn { color: var(--s1); font-weight: 600; }
footer { margin-top: 36px; font-size: 13px; color: var(--soft); }
.s0 { --series: var(--s0); } .s1 { --series: var(--s1); } .s2 { --series: var(--s2); } .s3 { --series: var(--s3); }
.s4 { --series: var(--s4); } .s5 { --series: var(--s5); } .s6 { --series: var(--s6); } .s7 { --series: var(--s7); }
.series { stroke: var(--series); } .mark, .bar { fill: var(--series); }
.s1 .series { stroke-dasharray: 7 4; } .s2 .series { stroke-dasharray: 2 4; } .s3 .series { stroke-dasharray: 10 3 2 3; }
.s5 .series { stroke-dasharray: 7 4; } .s6 .series { stroke-dasharray: 2 4; } .s7 .series { stroke-dasharray: 10 3 2 3; }
@media print { body { background: #fff; } .card, .scroll { break-inside: avoid; } }
)css";

}  // namespace

std::string_view report_style() {
  return kStyle;
}

}  // namespace rerank::load
