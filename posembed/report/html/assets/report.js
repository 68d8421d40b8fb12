"use strict";
// Draws the charts that the page carries as JSON. Text from a checkpoint reaches the page by textContent, and the
// plotting library, which reads its text as markup, by plain().
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  charts.forEach((chart) => chart.series.forEach((series) => {
    if (Array.isArray(series.x)) return;
    const { start, step, count } = series.x;
    series.x = Array.from({ length: count }, (_, i) => start + i * step);
  }));
  const root = document.documentElement;
  const live = document.getElementById("live");
  const button = document.getElementById("theme");
  // Okabe & Ito's palette, distinguishable with every common form of color blindness; the dark one is lighter.
  const palettes = {
    light: ["#0072B2", "#D55E00", "#00785A", "#A8508A", "#8A6200", "#332288", "#000000"],
    dark: ["#56B4E9", "#F08A4B", "#2CC9A0", "#E5A3CB", "#F0C24B", "#8C6CF5", "#FFFFFF"],
  };
  const blueRed = [[0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"], [1, "#b2182b"]];
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const configs = JSON.parse(document.getElementById("plot-config").textContent);
  // The page opens nothing. The plotting library would: for a browser whose WebGL fails, on a click.
  window.open = () => null;

  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const short = (value) => (value === null || value === undefined ? "no value" : String(Number(value.toPrecision(4))));
  const element = (index) => document.getElementById(`chart-${index}`);

  function unpack(matrix) {
    if (matrix.rows) return matrix.rows;
    const bytes = Uint8Array.from(atob(matrix.base64), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    const [height, width] = matrix.shape;
    matrix.rows = Array.from({ length: height }, (_, i) =>
      Array.from({ length: width }, (_, j) => Math.round(view.getInt16(2 * (i * width + j), true)) * matrix.step));
    return matrix.rows;
  }

  function hasWebGL() {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
    } catch { return false; }
  }
  const deep = hasWebGL();

  function axis(title, more) {
    return { title: { text: plain(title), standoff: 6 }, gridcolor: style("--line"), zerolinecolor: style("--line"),
      linecolor: style("--line"), automargin: true, ...more };
  }

  function frame(more) {
    return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: style("--ink"), size: 12 },
      margin: { l: 56, r: 12, t: 8, b: 44 }, hovermode: "closest", autosize: true,
      hoverlabel: { bgcolor: style("--ground"), bordercolor: style("--line"), font: { color: style("--ink") } },
      transition: { duration: still ? 0 : 120 }, ...more };
  }

  function lines(chart) {
    const palette = palettes[root.dataset.theme];
    const traces = [];
    chart.series.forEach((series, number) => {
      const color = palette[(series.color ?? number) % palette.length];
      if (series.low) {
        const known = series.x.map((_, i) => i).filter((i) => series.low[i] !== null && series.high[i] !== null);
        const x = known.map((i) => series.x[i]);
        traces.push({ type: "scatter", mode: "lines", x: x.concat([...x].reverse()), fill: "toself", hoverinfo: "skip",
          y: known.map((i) => series.high[i]).concat(known.map((i) => series.low[i]).reverse()), showlegend: false,
          fillcolor: color + "33", line: { width: 0, color: color }, legendgroup: String(number) });
      }
      const few = series.x.length < 12;
      traces.push({ type: "scatter", mode: series.points ? "markers" : few ? "lines+markers" : "lines",
        x: series.x, y: series.y, name: plain(series.name), legendgroup: String(number), meta: number,
        line: { color: color, width: 2, dash: series.dash }, marker: { color: color, size: series.points ? 9 : 6 },
        hovertemplate: `%{x}: %{y:.4g}<extra>${plain(series.name)}</extra>` });
    });
    const shapes = chart.marks.map((mark) => ({ type: "rect", xref: "x", yref: "paper", x0: mark.from, x1: mark.to,
      y0: 0, y1: 1, fillcolor: style("--mark"), line: { width: 0 }, layer: "below" }));
    const annotations = chart.marks.map((mark, number) => ({ x: (mark.from + mark.to) / 2, y: 1 - 0.07 * number,
      xref: "x", yref: "paper", text: plain(mark.label), showarrow: false, yanchor: "top", font: { size: 11 } }));
    const layout = frame({ xaxis: axis(chart.x_title), shapes, annotations,
      yaxis: axis(chart.y_title, chart.log_y ? { type: "log", exponentformat: "power", dtick: 1 } : {}),
      // Measured from the picture's lower edge: measured from the plot's, it meets the axis title where the plot is low.
      showlegend: chart.series.length > 1,
      legend: { orientation: "h", yref: "container", y: 0, yanchor: "bottom", tracegroupgap: 2 } });
    return [traces, layout];
  }

  function heat(chart) {
    const rows = unpack(chart.data.matrix);
    const { starts, block } = chart.data;
    const trace = { type: "heatmap", x: starts, y: starts, z: rows, zmin: -1, zmax: 1, colorscale: blueRed,
      colorbar: { title: { text: "cosine", side: "right" }, thickness: 12, len: 0.9 },
      hovertemplate: (block > 1 ? `blocks of ${block} from ` : "") + "%{x} and %{y}: %{z:.3f}<extra></extra>" };
    return [[trace], frame({ xaxis: axis(chart.x_title, { constrain: "domain" }),
      yaxis: axis(chart.y_title, { autorange: "reversed", scaleanchor: "x", constrain: "domain" }) })];
  }

  function space(chart) {
    const [x, y, z] = chart.data.axes;
    const color = { color: chart.data.positions, colorscale: "Cividis", showscale: true,
      colorbar: { title: { text: "position", side: "right" }, thickness: 12, len: 0.8 } };
    const titles = chart.data.titles;
    if (!deep) {
      const trace = { type: "scatter", mode: "markers", x, y, marker: { ...color, size: 6 },
        text: chart.data.positions, hovertemplate: "position %{text}<extra></extra>" };
      return [[trace], frame({ xaxis: axis(titles[0]), yaxis: axis(titles[1]) })];
    }
    const trace = { type: "scatter3d", mode: "lines+markers", x, y, z, marker: { ...color, size: 2.5 },
      line: { color: chart.data.positions, colorscale: "Cividis", width: 3 }, text: chart.data.positions,
      hovertemplate: "position %{text}<br>%{x:.3g}, %{y:.3g}, %{z:.3g}<extra></extra>" };
    const side = (text) => ({ title: { text }, gridcolor: style("--line"), zerolinecolor: style("--line"),
      color: style("--ink"), backgroundcolor: "rgba(0,0,0,0)" });
    return [[trace], frame({ margin: { l: 0, r: 0, t: 0, b: 0 },
      scene: { xaxis: side(titles[0]), yaxis: side(titles[1]), zaxis: side(titles[2]), camera: { eye: { x: 1.5, y: 1.5, z: 0.9 } } } })];
  }

  function patches(chart, index) {
    const { grid, step } = chart.data;
    const [height, width] = grid;
    const input = (name) => document.getElementById(`chart-${index}-${name}`);
    const chosen = ["row", "column"].map((name, i) => {
      const last = Math.floor((grid[i] - 1) / step) * step;
      const value = Math.round((Number(input(name).value) || 0) / step) * step;
      const kept = Math.min(Math.max(value, 0), last);
      input(name).value = kept;
      return kept;
    });
    chart.chosen = chosen;
    const place = chart.data.patches.indexOf(chosen[0] * width + chosen[1]);
    const flat = unpack(chart.data.matrix)[place];
    chart.shown = Array.from({ length: height }, (_, i) => flat.slice(i * width, (i + 1) * width));
    const count = (n) => Array.from({ length: n }, (_, i) => i);
    const trace = { type: "heatmap", x: count(width), y: count(height), z: chart.shown, zmin: -1, zmax: 1,
      colorscale: blueRed, colorbar: { title: { text: "cosine", side: "right" }, thickness: 12, len: 0.9 },
      hovertemplate: "row %{y}, column %{x}: %{z:.3f}<extra></extra>" };
    const cross = { type: "scatter", mode: "markers", x: [chosen[1]], y: [chosen[0]], hoverinfo: "skip",
      marker: { symbol: "x-thin", size: 14, line: { width: 3, color: "#000000" } }, showlegend: false };
    return [[trace, cross], frame({ xaxis: axis(chart.x_title, { constrain: "domain" }),
      yaxis: axis(chart.y_title, { autorange: "reversed", scaleanchor: "x", constrain: "domain" }) })];
  }

  const makers = { lines, heat, space, patches };

  function draw(index) {
    const chart = charts[index];
    element(index).classList.toggle("many", chart.series.length > 4);  // a long legend leaves a phone's plot no room
    const [traces, layout] = makers[chart.kind](chart, index);
    const config = traces[0]?.type === "scatter3d" ? configs.space : configs.flat;
    return Plotly.react(element(index), traces, layout, config);
  }

  // The cursor: where the arrow keys are in each chart.
  const cursors = new Map();

  function hover(index, points) {
    try { Plotly.Fx.hover(element(index), points); }
    catch { /* a point outside of the zoomed part has no label */ }
  }

  function traceOf(index, number) {
    return element(index).data.findIndex((trace) => trace.meta === number);
  }

  function moveLines(index, chart, key, cursor) {
    const jump = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[key];
    if (key === "ArrowDown") cursor.series = Math.min(cursor.series + 1, chart.series.length - 1);
    if (key === "ArrowUp") cursor.series = Math.max(cursor.series - 1, 0);
    const series = chart.series[cursor.series];
    if (jump) cursor.at += jump;
    if (key === "Home") cursor.at = 0;
    if (key === "End") cursor.at = series.x.length - 1;
    cursor.at = Math.min(Math.max(cursor.at, 0), series.x.length - 1);
    hover(index, [{ curveNumber: traceOf(index, cursor.series), pointNumber: cursor.at }]);
    return `${series.name}, ${chart.x_title} ${short(series.x[cursor.at])}: ${short(series.y[cursor.at])}`;
  }

  function moveHeat(index, chart, key, cursor, rows, names) {
    const jump = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0],
      PageDown: [10, 0], PageUp: [-10, 0], Home: [0, -rows[0].length], End: [0, rows[0].length] }[key];
    cursor.row = Math.min(Math.max(cursor.row + jump[0], 0), rows.length - 1);
    cursor.column = Math.min(Math.max(cursor.column + jump[1], 0), rows[0].length - 1);
    hover(index, [{ curveNumber: 0, pointNumber: [cursor.row, cursor.column] }]);
    return `${names(cursor.row, cursor.column)}: cosine ${short(rows[cursor.row][cursor.column])}`;
  }

  function moveSpace(chart, key, cursor) {
    const jump = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: 10, PageUp: -10,
      Home: -Infinity, End: Infinity }[key];
    cursor.at = Math.min(Math.max(cursor.at + jump, 0), chart.data.positions.length - 1);
    const where = chart.data.axes.map((values) => short(values[cursor.at])).join(", ");
    return `position ${chart.data.positions[cursor.at]}: components ${where}`;
  }

  function onKey(event, index) {
    const chart = charts[index];
    if (event.key === "Escape") {
      Plotly.Fx.unhover(element(index));
      element(index).blur();
      return;
    }
    if (!["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"].includes(event.key)) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const fresh = !cursors.has(index);
    if (fresh) cursors.set(index, { series: 0, at: -1, row: 0, column: -1 });
    const cursor = cursors.get(index);
    if (fresh && event.key !== "ArrowRight") { cursor.at = 0; cursor.column = 0; }
    if (chart.kind === "lines") live.textContent = moveLines(index, chart, event.key, cursor);
    else if (chart.kind === "space") live.textContent = moveSpace(chart, event.key, cursor);
    else if (chart.kind === "heat") {
      const { starts } = chart.data;
      live.textContent = moveHeat(index, chart, event.key, cursor, unpack(chart.data.matrix),
        (row, column) => `positions ${starts[row]} and ${starts[column]}`);
    } else {
      live.textContent = moveHeat(index, chart, event.key, cursor, chart.shown,
        (row, column) => `patch row ${row}, column ${column}`);
    }
  }

  // What is drawn, as rows of a table: the same for the download and for the eye.
  function dataOf(chart) {
    if (chart.kind === "lines") {
      const bands = chart.series.some((series) => series.low);
      const header = ["series", chart.x_title, chart.y_title].concat(bands ? ["low", "high"] : []);
      const rows = chart.series.flatMap((series) => series.x.map((x, i) => [series.name, x, series.y[i]]
        .concat(bands ? [series.low ? series.low[i] : null, series.high ? series.high[i] : null] : [])));
      return [header, rows];
    }
    if (chart.kind === "space") {
      return [["position", ...chart.data.titles],
        chart.data.positions.map((position, i) => [position, ...chart.data.axes.map((values) => values[i])])];
    }
    const patchwise = chart.kind === "patches";
    const rows = patchwise ? chart.shown : unpack(chart.data.matrix);
    const names = patchwise ? rows.map((_, i) => i) : chart.data.starts;
    const columns = patchwise ? rows[0].map((_, i) => i) : chart.data.starts;
    const corner = patchwise ? "row / column" : "position";
    return [[corner, ...columns], rows.map((row, i) => [names[i], ...row.map((value) => Number(value.toFixed(4)))])];
  }

  function cell(value) {
    const text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet would run a name that begins like a formula.
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  }

  function download(index) {
    const [header, rows] = dataOf(charts[index]);
    const text = [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = charts[index].title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") + ".csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function showData(details, index) {
    if (!details.open) { details.querySelector(".wide")?.remove(); return; }
    const [header, rows] = dataOf(charts[index]);
    const most = 200, widest = 40;
    const box = document.createElement("div");
    box.className = "wide";
    box.tabIndex = 0;
    if (rows.length > most || header.length > widest) {
      const note = document.createElement("p");
      note.textContent = `The first ${Math.min(most, rows.length)} of ${rows.length} rows and ` +
        `${Math.min(widest, header.length)} of ${header.length} columns; the download has all.`;
      box.append(note);
    }
    const table = document.createElement("table");
    [header, ...rows.slice(0, most)].forEach((values, number) => {
      const row = table.insertRow();
      values.slice(0, widest).forEach((value) => {
        const item = document.createElement(number ? "td" : "th");
        item.textContent = value === null ? "" : String(value);
        row.append(item);
      });
    });
    box.append(table);
    details.append(box);
  }

  function setTheme(name) {
    root.dataset.theme = name;
    button.textContent = name === "dark" ? "Light colors" : "Dark colors";
  }

  const drawn = new Set();

  async function drawOne(index) {
    await draw(index);
    if (drawn.has(index)) return;
    drawn.add(index);
    root.dataset.drawn = String(drawn.size);
    listen(index);
  }

  // Flat charts one after the other, so that the page stays usable between them. Those in space are drawn when they
  // come near the window: without a graphics card one of them takes longer than all others together.
  async function drawAll() {
    root.dataset.ready = "false";
    const drawable = charts.map((_, index) => index).filter((index) => element(index));
    for (const index of drawable.filter((each) => charts[each].kind !== "space" || drawn.has(each))) {
      await drawOne(index);
      await new Promise((resume) => setTimeout(resume));
    }
    root.dataset.ready = "true";
  }

  function drawWhenNear() {
    const watch = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      watch.unobserve(entry.target);
      drawOne(Number(entry.target.id.slice("chart-".length)));
    }), { rootMargin: "150px" });
    charts.forEach((chart, index) => { if (chart.kind === "space" && element(index)) watch.observe(element(index)); });
    window.addEventListener("beforeprint", () => charts.forEach((chart, index) => {
      if (chart.kind === "space" && element(index) && !drawn.has(index)) drawOne(index);
    }));
  }

  function listen(index) {
    const plot = element(index);
    plot.addEventListener("keydown", (event) => onKey(event, index));
    if (charts[index].kind === "patches") {
      const inputs = ["row", "column"].map((name) => document.getElementById(`chart-${index}-${name}`));
      inputs.forEach((input) => input.addEventListener("change", () => draw(index)));
      plot.on("plotly_click", (event) => {
        [inputs[0].value, inputs[1].value] = [event.points[0].y, event.points[0].x];
        draw(index);
      });
    }
    if (charts[index].kind === "space" && !deep) {
      const note = document.createElement("p");
      note.textContent = "This browser has no WebGL: the first two components are shown.";
      plot.after(note);
    }
  }

  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  drawAll().then(drawWhenNear);
  button.addEventListener("click", () => { setTheme(root.dataset.theme === "dark" ? "light" : "dark"); drawAll(); });
  document.querySelectorAll("button[data-csv]").forEach((each) =>
    each.addEventListener("click", () => download(Number(each.dataset.csv))));
  document.querySelectorAll("details[data-rows]").forEach((each) =>
    each.addEventListener("toggle", () => showData(each, Number(each.dataset.rows))));
})();
