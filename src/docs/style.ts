/** The page's only style sheet, for light and dark. */
export const style = `
:root { color-scheme: light dark; --paper: #fff; --raised: #f5f7fb; --ink: #151c2a; --soft: #566176; --rule: #e2e7ef; --link: #1766c2; }
@media (prefers-color-scheme: dark) { :root { --paper: #10151e; --raised: #19212d; --ink: #e8ecf3; --soft: #9daabf; --rule: #2b3544; --link: #6eb0ff; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 12px; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 "Noto Sans", system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 920px; margin: 0 auto; padding: 32px 24px 72px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 8px; letter-spacing: -.01em; }
h2 { font-size: 19px; margin: 52px 0 6px; overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 28px 0 4px; }
p { margin: 0 0 8px; max-width: 78ch; }
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 3px; }
.soft { color: var(--soft); font-weight: 400; }
nav { display: flex; flex-wrap: wrap; gap: 8px 20px; margin-top: 16px; }
code { font: .92em/1.5 ui-monospace, "Cascadia Code", "DejaVu Sans Mono", monospace; }
.methods { display: flex; flex-wrap: wrap; gap: 6px; }
.method { font-size: 12px; font-weight: 650; letter-spacing: .03em; background: var(--raised); border: 1px solid var(--rule); border-radius: 6px; padding: 1px 8px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 14px; }
caption { text-align: left; font-weight: 600; padding: 0 0 4px; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; }
th, td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
td:first-child, th:first-child { width: 132px; white-space: nowrap; }
@media (max-width: 600px) { td:first-child, th:first-child { width: 68px; } }
.line { display: block; }
`
