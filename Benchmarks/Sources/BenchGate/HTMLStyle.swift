/// The page's style sheet.
enum HTMLStyle {
  static let text = """
    :root {
      --ground: #ffffff; --panel: #f6f7f9; --line: #d5d9df; --text: #1a1f26; --muted: #57606a;
      --bad: #b42318; --warn: #8a5300; --good: #1a7037; --info: #2457a6;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --ground: #14171b; --panel: #1d2126; --line: #3a414a; --text: #e6e9ed; --muted: #a0a9b4;
        --bad: #ff8a7d; --warn: #f0b35a; --good: #6fd08c; --info: #8ab4ff;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
    main { max-width: 1180px; margin: 0 auto; padding: 20px 16px 60px; }
    h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
    h2 { font-size: 1.15rem; margin: 36px 0 10px; overflow-wrap: anywhere; }
    h3 { font-size: 1rem; margin: 18px 0 6px; }
    p { margin: 6px 0 12px; }
    small, .muted { color: var(--muted); }
    small { font-size: 0.82em; }
    ul { list-style: none; margin: 0; padding: 0; }
    .counts { display: flex; flex-wrap: wrap; gap: 8px; margin: 14px 0; }
    .counts li { border: 1px solid var(--line); border-radius: 8px; padding: 4px 12px; background: var(--panel); }
    .counts b { font-size: 1.15rem; }
    dl { display: flex; flex-wrap: wrap; gap: 4px 22px; margin: 0; font-size: 0.87rem; }
    dl div { display: flex; gap: 6px; min-width: 0; }
    dt { color: var(--muted); white-space: nowrap; }
    dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
    .attention { border: 1px solid var(--line); border-radius: 8px; }
    .attention li { padding: 9px 12px; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
    .attention li:last-child { border-bottom: 0; }
    .attention div { font-size: 0.9rem; margin-top: 2px; }
    .badge { display: inline-block; border: 1px solid currentColor; border-radius: 5px; padding: 0 6px;
      font-size: 0.8rem; white-space: nowrap; }
    .regression, .missing, .incomparable { color: var(--bad); }
    .improvement { color: var(--info); }
    .inconclusive, .unavailable, .advisory, .noted { color: var(--warn); }
    .pass { color: var(--good); }
    .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
    table { border-collapse: collapse; width: 100%; font-size: 0.88rem; }
    th, td { text-align: left; padding: 5px 10px; white-space: nowrap; vertical-align: top; }
    th { background: var(--panel); font-weight: 600; border-bottom: 1px solid var(--line); }
    tr.first td { border-top: 1px solid var(--line); }
    tbody tr.first:first-child td { border-top: 0; }
    .number { text-align: right; font-variant-numeric: tabular-nums; }
    .legend { display: flex; flex-wrap: wrap; gap: 2px 20px; font-size: 0.87rem; }
    .legend svg { vertical-align: -2px; }
    .heat { padding: 8px 10px 6px 0; }
    .heat svg { display: block; }
    summary { cursor: pointer; color: var(--muted); margin: 6px 0; font-size: 0.87rem; }
    .plot { border: 1px solid var(--line); border-radius: 8px; padding: 6px 12px; }
    .row { display: grid; grid-template-columns: minmax(0, 32%) minmax(0, 1fr) 250px; column-gap: 14px; }
    .label, .figure { padding: 5px 0; font-size: 0.88rem; overflow-wrap: anywhere; align-self: center; }
    .label span { color: var(--muted); }
    .figure { font-variant-numeric: tabular-nums; text-align: right; }
    .bars { position: relative; min-height: 34px; }
    .bars > svg { position: absolute; inset: 0; width: 100%; height: 100%; }
    .axis .bars { min-height: 20px; }
    .axis text { fill: var(--muted); font-size: 11px; text-anchor: middle; }
    .tick { stroke: var(--line); }
    .one { stroke: var(--muted); }
    .fail { stroke: var(--bad); stroke-dasharray: 5 3; }
    .below { stroke-dasharray: 2 3; }
    .accept { stroke: var(--info); stroke-dasharray: 2 3; }
    .interval { stroke: currentColor; stroke-width: 2; }
    circle, polygon { fill: currentColor; }
    .history { display: block; color: var(--info); }
    .history polyline { fill: none; stroke: currentColor; stroke-width: 1.5; }
    @media (max-width: 700px) {
      .row { grid-template-columns: minmax(0, 1fr); padding: 6px 0; }
      .row + .row { border-top: 1px solid var(--line); }
      .label, .figure { padding: 0; text-align: left; }
      .bars { grid-row: 3; min-height: 28px; }
      .axis { padding: 0; }
    }
    """
}
