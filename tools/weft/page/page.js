// The head, the filter and the panel; then everything is drawn once.
"use strict";

const panel = document.getElementById("panel"), canvas = document.getElementById("canvas");

function pick(id) {
  state.picked = state.picked === id ? null : id;
  draw();
  drawPanel();
}

// Selects a node wherever it is, unfolding what hides it.
function show(id) {
  reveal(id);
  state.picked = id;
  draw();
  drawPanel();
  const box = svg.querySelector(`[data-node="${id}"]`);
  if (!box) return;
  const at = box.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
  canvas.scrollTop += at.top - frame.top - frame.height / 2;
  canvas.scrollLeft += at.left - frame.left - frame.width / 2;
}

function addPorts(list, name, ports) {
  for (const port of ports) {
    if (!port) continue;
    const detail = port.type + (port.format ? " as " + port.format : "") +
        (port.contents ? " = " + port.contents.join(", ") : "") +
        (port.placed_in ? ", written in " + port.placed_in : "");
    const from = port.node !== null && name === "reads" ? nodeLink(port.node, port.name)
                                                        : port.name;
    html(list, "dt", {}, name);
    html(list, "dd", {}, from, html(null, "div", {class: "small"}, `${port.kind} ${detail}`));
  }
}

function addAnswers(place, phase) {
  html(panel, "h3", {}, "Where it runs" + (doc.phases.length > 1 ? `, ${phase}` : ""));
  for (const answer of place.answers) {
    const box = html(panel, "div", {class: "answer"});
    box.style.borderColor = colorOf(answer.backend);
    html(box, "div", {}, html(null, "b", {}, answer.backend), " ",
         html(null, "span", answer.answer === "refuses" ? {class: "alert"} : {}, answer.answer));
    if (answer.why) html(box, "div", {}, answer.why);
    const facts = [];
    if (answer.code) facts.push("code " + answer.code);
    if (answer.value) facts.push("value " + answer.value);
    if (answer.what) facts.push(answer.what);
    if (answer.found !== null) facts.push(`found ${answer.found}, limit ${answer.limit}`);
    if (facts.length) html(box, "div", {class: "small"}, facts.join(" \u00b7 "));
  }
  html(panel, "p", {class: "small"},
       `Program ${place.island}` + (place.nodes_in_unit > 1
           ? `, in one unit with ${place.nodes_in_unit - 1} other nodes` : "") +
       (place.fixed_shapes ? ", at fixed shapes" : ""));
}

function drawNodePanel(node) {
  html(panel, "h2", {}, node.op);
  html(panel, "div", {class: "small"}, node.name);
  node.phases.forEach((place, p) => addAnswers(place, doc.phases[p].name));
  html(panel, "h3", {}, "What it does");
  const list = html(panel, "dl");
  addPorts(list, "reads", node.inputs);
  addPorts(list, "gives", node.outputs);
  for (const [name, value] of Object.entries(node.attributes)) {
    html(list, "dt", {}, "attribute");
    html(list, "dd", {}, html(null, "code", {}, `${name} = ${value}`));
  }
  html(panel, "h3", {}, "Where it came from");
  if (node.made_of.length) {
    const names = [...new Set(node.made_of)];
    for (const name of names.slice(0, 20)) html(panel, "div", {}, name);
    if (names.length > 20) html(panel, "div", {class: "small"}, `and ${names.length - 20} more`);
  } else {
    html(panel, "div", {class: "small"}, "made by a pass");
  }
  for (const index of node.notes) {
    const note = doc.notes[index];
    html(panel, "div", {class: note.left_as_it_was ? "answer alert" : "answer"},
         `${note.pass}: ${note.what}`);
  }
  for (const phase of doc.phases) {
    for (const copy of phase.copies) {
      if (copy.maker !== node.id && !copy.readers.includes(node.id)) continue;
      html(panel, "h3", {}, "Copied");
      html(panel, "div", {}, copy.value);
      html(panel, "div", {class: "small"}, copy.why);
    }
  }
}

function drawPanel() {
  panel.replaceChildren();
  panel.scrollTop = 0;
  if (state.picked !== null) return drawNodePanel(doc.nodes[state.picked]);
  if (!filtering()) {
    html(panel, "h2", {}, "Nodes");
    html(panel, "p", {class: "small"}, "Click a node for what it is made of, where it runs and " +
         "why. Blocks that repeat are folded; click one to open it.");
    const counts = grouped(doc.nodes, node => node.op);
    for (const group of counts) {
      html(panel, "button", {class: "link row", type: "button", onclick: () => {
        document.getElementById("filter").value = state.filter = group.first.op;
        refresh();
      }}, `${group.first.op}  ${group.count}`);
    }
    return;
  }
  const found = doc.nodes.filter(matches);
  html(panel, "h2", {}, `${found.length} of ${doc.nodes.length} nodes match`);
  for (const node of found.slice(0, 200)) {
    const line = nodeLink(node.id);
    line.classList.add("row");
    panel.append(line);
  }
  if (found.length > 200) html(panel, "p", {class: "small"}, `and ${found.length - 200} more`);
}

function refresh() {
  state.picked = null;
  draw();
  drawPanel();
}

function fact(value, name, alert) {
  html(document.getElementById("facts"), "div", {class: "fact"},
       html(null, "b", alert ? {class: "alert"} : {}, value), html(null, "span", {}, name));
}

function addFacts() {
  document.getElementById("model").textContent = doc.model;
  for (const row of doc.placement.backends) fact(String(row.nodes), `nodes on ${row.backend}`);
  fact(`${doc.nodes_in_file} \u2192 ${doc.nodes.length}`, "nodes, file \u2192 run");
  for (const phase of doc.phases) {
    const of = doc.phases.length > 1 ? `, ${phase.name}` : "";
    fact(String(phase.islands.length), "programs" + of);
    fact(String(phase.copies.length), "copies between memories" + of, phase.copies.length > 0);
  }
  fact(sizeText(doc.memory.total_bytes), "memory, about");
  fact(sizeText(doc.memory.cache_bytes_per_1024), "KV cache per 1024 positions");
  for (const missing of doc.placement.missing)
    html(document.getElementById("facts"), "div", {class: "alert"}, missing);
}

function addMemory() {
  const memory = doc.memory, parts = [];
  for (const row of memory.formats) parts.push(["weights " + row.format, row.bytes]);
  parts.push([`KV cache, ${memory.capacity} positions`, memory.cache_bytes]);
  for (const arena of memory.arenas) parts.push([`activations in ${arena.domain}`, arena.bytes]);
  const home = document.getElementById("memory");
  const bar = html(home, "div", {class: "bar"}), keys = html(home, "div", {class: "keys"});
  // Shades of one colour: the others mean backends.
  const shown = parts.filter(([, bytes]) => bytes > 0);
  shown.forEach(([name, bytes], i) => {
    const share = 80 - 62 * i / Math.max(1, shown.length - 1);
    const shade = `color-mix(in srgb, var(--ink) ${share}%, var(--page))`;
    const piece = html(bar, "i", {title: `${name}: ${sizeText(bytes)}`});
    piece.style.flexGrow = bytes;
    piece.style.background = shade;
    const dot = html(null, "span", {class: "dot"});
    dot.style.background = shade;
    html(keys, "span", {class: "key"}, dot, `${name} ${sizeText(bytes)}`);
  });
}

function addLegend() {
  const legend = document.getElementById("legend");
  for (const backend of doc.backends) {
    const dot = html(null, "span", {class: "dot"});
    dot.style.background = colorOf(backend.name);
    const box = html(null, "input", {type: "checkbox", checked: ""});
    box.style.width = "auto";
    box.addEventListener("change", () => {
      if (box.checked) state.hidden.delete(backend.name);
      else state.hidden.add(backend.name);
      refresh();
    });
    html(legend, "label", {class: "key", title: `${backend.device}, ${backend.memory}`}, box, " ",
         dot, backend.name);
  }
  if (doc.nodes.some(node => node.phases.some(place => !place.first_choice)))
    html(legend, "span", {class: "key alert"}, "\u25cb not on its first choice");
  if (doc.phases.some(phase => phase.copies.length))
    html(legend, "span", {class: "key alert"}, "- - copied between memories");
}

function addControls() {
  const filter = document.getElementById("filter"), phase = document.getElementById("phase");
  filter.addEventListener("input", () => {
    state.filter = filter.value;
    refresh();
  });
  doc.phases.forEach((one, i) => html(phase, "option", {value: i}, one.name));
  phase.hidden = doc.phases.length < 2;
  phase.addEventListener("change", () => {
    state.phase = Number(phase.value);
    refresh();
  });
  document.getElementById("unfold").addEventListener("click", () => { unfoldAll(); draw(); });
  document.getElementById("fold").addEventListener("click", () => { foldAll(); draw(); });
}

// "#node=12", "#filter=MatMul" and "#all" open the page at something.
function openAt(hash) {
  const [key, value] = hash.slice(1).split("=");
  if (key === "all") unfoldAll();
  if (key === "filter") {
    document.getElementById("filter").value = state.filter = decodeURIComponent(value || "");
    refresh();
  }
  if (key === "node" && doc.nodes[Number(value)]) return show(Number(value));
  draw();
  canvas.scrollLeft = (canvas.scrollWidth - canvas.clientWidth) / 2;
}

foldAll();
addFacts();
addMemory();
addLegend();
addControls();
addSections();
drawPanel();
openAt(location.hash);
