// The sections below the graph: what the drawing cannot show.
"use strict";

function html(parent, name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "onclick") made.addEventListener("click", value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  if (parent) parent.append(made);
  return made;
}

function sizeText(bytes) {
  if (bytes === null || bytes === undefined) return "no bound";
  if (bytes < 1024) return bytes + " B";
  if (bytes < 1024 * 1024) return (bytes / 1024).toFixed(1) + " KiB";
  return (bytes / (1024 * 1024)).toFixed(1) + " MiB";
}

function section(name, note, open) {
  const made = html(document.getElementById("sections"), "details", open ? {open: ""} : {});
  html(made, "summary", {}, name, html(null, "span", {}, note));
  return made;
}

// columns: [head, value of a row, whether it is a number]
function table(parent, columns, rows) {
  const box = html(parent, "div", {class: "scroll"});
  const made = html(box, "table"), head = html(html(made, "thead"), "tr");
  for (const [name, , number] of columns) html(head, "th", number ? {class: "number"} : {}, name);
  const body = html(made, "tbody");
  for (const row of rows) {
    const line = html(body, "tr");
    for (const [, value, number] of columns) {
      const cell = value(row);
      html(line, "td", number ? {class: "number"} : {}, cell === null ? "" : cell);
    }
  }
  return made;
}

function nodeLink(id, text) {
  const node = doc.nodes[id];
  return html(null, "button", {class: "link", type: "button", onclick: () => show(id)},
              text || node.op + " " + node.name);
}

// Equal keys once, with how many and the first.
function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const text = key(row);
    if (!groups.has(text)) groups.set(text, {count: 0, first: row});
    ++groups.get(text).count;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

function addRewrites() {
  const left = doc.notes.filter(note => note.left_as_it_was);
  const made = section("Rewrites", `${doc.nodes_in_file} nodes of the file became ` +
      `${doc.nodes.length}` + (left.length ? `; ${left.length} left as they were` : ""));
  const rows = [];
  doc.passes.forEach((pass, step) => {
    const notes = doc.notes.filter(note => note.step === step);
    const groups = grouped(notes, note => note.left_as_it_was + note.what);
    if (!groups.length) groups.push(null);
    groups.forEach((group, i) => rows.push({pass, group, head: i === 0}));
  });
  const what = row => {
    if (!row.group) return row.pass.changed_something ? "changes without a note" : "nothing to do";
    const note = row.group.first;
    const times = row.group.count > 1 ? row.group.count + " \u00d7 " : "";
    return html(null, "span", note.left_as_it_was ? {class: "alert"} : {},
                times + note.what + (row.group.count === 1 && note.node ? ` (${note.node})` : "") +
                    (note.left_as_it_was ? " \u2014 left as it was" : ""));
  };
  table(made, [["pass", row => row.head ? row.pass.pass : ""],
               ["nodes", row => row.head ? `${row.pass.nodes_before} \u2192 ${row.pass.nodes_after}`
                                         : ""],
               ["what happened", what]], rows);
  for (const note of doc.import_notes) html(made, "p", {class: "small"}, "import: " + note);
}

function addRefusals() {
  const rows = [];
  doc.phases.forEach((phase, p) => {
    for (const node of doc.nodes) {
      for (const answer of node.phases[p].answers) {
        if (answer.answer === "refuses" || answer.answer === "says nothing")
          rows.push({node, answer, phase: phase.name, where: node.phases[p]});
      }
    }
  });
  const groups = grouped(rows, row => [row.phase, row.node.op, row.answer.backend, row.answer.why,
                                       row.where.backend].join("\n"));
  const made = section("Refusals", groups.length ? `${rows.length} in ${groups.length} kinds`
                                                 : "every backend asked takes every node",
                       groups.length > 0);
  if (!groups.length) return;
  table(made, [["nodes", group => group.count, true],
               ["op", group => nodeLink(group.first.node.id, group.first.node.op)],
               ["asked", group => group.first.answer.backend],
               ["code", group => group.first.answer.code],
               ["why", group => group.first.answer.why],
               ["runs on", group => group.first.where.backend],
               ["phase", group => group.first.phase]], groups);
}

function addCopies() {
  for (const phase of doc.phases) {
    const made = section("Copies between memories, " + phase.name,
                         phase.copies.length ? String(phase.copies.length) : "none");
    if (!phase.copies.length) continue;
    table(made, [["value", copy => copy.maker === null ? copy.value
                                                       : nodeLink(copy.maker, copy.value)],
                 ["type", copy => copy.type],
                 ["a token", copy => sizeText(copy.bytes.one_token ?? copy.bytes.most), true],
                 ["longest run", copy => sizeText(copy.bytes.longest_run ?? copy.bytes.most), true],
                 ["why", copy => copy.why]], phase.copies);
  }
}

function addDims() {
  const made = section("Dims", `${doc.symbols.length} symbols, ` +
      `${doc.phases[0].slots.length} expressions computed before a run`);
  const range = row => row.most === null ? `${row.least} or more` : `${row.least} to ${row.most}`;
  table(made, [["symbol", row => row.name], ["range", range]], doc.symbols);
  for (const phase of doc.phases) {
    if (doc.phases.length > 1) html(made, "h3", {}, phase.name);
    table(made, [["slot", row => row.index, true],
                 ["expression", row => html(null, "code", {}, row.expression)], ["range", range]],
          phase.slots.map((slot, index) => ({...slot, index})));
  }
}

function addPrograms() {
  for (const phase of doc.phases) {
    const made = section("Programs to compile, " + phase.name, String(phase.islands.length));
    table(made, [["program", row => row.id, true], ["backend", row => row.backend],
                 ["nodes", row => row.nodes.length, true], ["units", row => row.units, true],
                 ["in", row => row.inputs, true], ["out", row => row.outputs, true],
                 ["constants", row => sizeText(row.constant_bytes), true],
                 ["shapes", row => row.shapes + Object.entries(row.fixed_dims).map(
                     ([dim, value]) => `, ${dim} = ${value}`).join("")],
                 ["first node", row => nodeLink(row.nodes[0])]], phase.islands);
  }
}

function addTasks() {
  for (const phase of doc.phases) {
    const made = section("Tasks in order, " + phase.name, String(phase.tasks.length));
    const rows = phase.tasks.map((task, index) => ({...task, index}));
    const what = task => task.kind === "copy" ? `copy ${task.value}`
        : `run program ${task.island} on ${task.backend}, ` +
          `${phase.islands[task.island].nodes.length} nodes`;
    table(made, [["task", task => task.index, true], ["what", what],
                 ["waits for", task => task.needs.join(", ")]], rows);
  }
}

// Time to the right, bytes of the arena downwards.
function addLifetimes() {
  for (const phase of doc.phases) {
    for (const arena of phase.arenas) {
      if (!arena.lifetimes.length) continue;
      const made = section(`Lifetimes in ${arena.domain}, ${phase.name}`,
          `${sizeText(arena.bytes)} for ${arena.lifetimes.length} values that sum up to ` +
          sizeText(arena.sum_of_values));
      const last = Math.max(...arena.lifetimes.map(one => one.last_step)) + 1;
      const chart = element(made, "svg", {class: "lifetimes", preserveAspectRatio: "none",
                                          viewBox: `0 0 ${last} ${Math.max(1, arena.bytes)}`});
      for (const one of arena.lifetimes) {
        const bar = element(chart, "rect", {
          x: one.first_step, y: one.offset, width: one.last_step - one.first_step + 1,
          height: one.bytes, "vector-effect": "non-scaling-stroke"});
        element(bar, "title", {}, `${one.value}\n${sizeText(one.bytes)} at ${one.offset}, ` +
                                  `steps ${one.first_step} to ${one.last_step}`);
      }
      html(made, "p", {class: "small"},
           "Steps from left to right, bytes of the arena from top to bottom.");
    }
  }
}

function fateText(fate) {
  const node = (fate.op || "") + (fate.name ? ` '${fate.name}'` : "");
  const words = {"part of": `part of ${node}`, "replaced by": `replaced by the result of ${node}`,
                 constant: `the constant ${node}`, expression: `the expression ${node}`,
                 input: `the input ${node}`, unread: "gone: no output depends on it"};
  const then = fate.then.map(fateText).join(" or ");
  return `${fate.pass}: ${words[fate.way]}` + (then ? `; ${then}` : "");
}

function addGone() {
  if (!doc.gone.length) return;
  const made = section("Nodes of the file that went", String(doc.gone.length));
  table(made, [["op", row => row.op], ["name", row => row.name],
               ["what became of it", row => row.became.map(fateText).join(" or ")]], doc.gone);
}

function addSections() {
  addRefusals();
  addRewrites();
  addGone();
  addCopies();
  addDims();
  addPrograms();
  addTasks();
  addLifetimes();
}
