// One memseg list as cells: a cell is a page, or several pages of a long list.
const MOST_CELLS = 1024;
const PIECE = { addr: 0, len: 1, owner: 2, zone: 3, blocks: 4 };

// The index of the last entry that starts at or before an address.
function at(entries, addr) {
  let low = 0, high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle][0] <= addr) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// Cells by address; a cell represents the gap between runs that are not contiguous.
function cellsOf(list) {
  const [, base, pageSize, length] = list;
  const runs = D.runs.filter(([addr]) => addr >= base && addr < base + length);
  const pages = runs.reduce((sum, run) => sum + run[2], 0);
  let perCell = 1;
  while (pages / perCell > MOST_CELLS) perCell *= 2;
  const cells = [];
  let end = base;
  for (const run of runs) {
    const stop = run[0] + run[2] * pageSize;
    if (run[0] > end) cells.push({ addr: end, len: run[0] - end, gap: true });
    for (let addr = run[0]; addr < stop; addr += perCell * pageSize)
      cells.push({ addr, len: Math.min(perCell * pageSize, stop - addr), run });
    end = stop;
  }
  return { cells, perCell, pages, pageSize, end };
}

class Tape {
  constructor(list) {
    Object.assign(this, cellsOf(list));
    this.canvas = make("canvas", { role: "img", "aria-label": `pages of ${list[0]}` });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { hideTip(); mark({ hovered: null }); });
    this.canvas.addEventListener("click", (event) => this.keep(event));
  }

  // Columns and sizes for the available width.
  layout() {
    const width = this.canvas.parentElement.clientWidth - 28;
    this.margin = width > 640 ? 104 : 0;
    const room = width - this.margin, n = this.cells.length;
    const wish = n <= 16 ? 4 : n <= 64 ? 8 : n <= 256 ? 16 : 32;
    this.columns = Math.max(2, Math.min(wish, Math.floor(room / (n <= 256 ? 44 : 26))));
    this.cellWidth = room / this.columns;
    this.cellHeight = n <= 64 ? 38 : n <= 256 ? 28 : 20;
    this.rows = Math.ceil(n / this.columns);
    const scale = devicePixelRatio || 1, height = this.rows * (this.cellHeight + 3);
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.width = width;
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    this.paint = (name) => style.getPropertyValue(name).trim();
    this.colours = owners.map((owner) => this.paint(variable(owner)));
    this.layout();
    const c = this.context;
    c.clearRect(0, 0, this.width, this.rows * (this.cellHeight + 3));
    this.labels = [];
    this.cells.forEach((cell, i) => this.drawCell(cell, i));
    this.drawLabels();
    this.drawAddresses();
  }

  place(i) {
    const row = Math.floor(i / this.columns);
    const x = this.margin + (i % this.columns) * this.cellWidth;
    return { x, y: row * (this.cellHeight + 3), w: this.cellWidth - 1.5, row };
  }

  drawCell(cell, i) {
    const c = this.context, { x, y, w, row } = this.place(i);
    if (cell.gap) {
      c.setLineDash([3, 3]);
      c.strokeStyle = this.paint("--gap");
      c.strokeRect(x + 0.5, y + 0.5, w - 1, this.cellHeight - 1);
      c.setLineDash([]);
      return;
    }
    const full = w * (cell.len / (this.perCell * this.pageSize));
    for (let p = Math.max(0, at(D.pieces, cell.addr)); p < D.pieces.length; p++) {
      const piece = D.pieces[p];
      if (piece[PIECE.addr] >= cell.addr + cell.len) break;
      const from = Math.max(piece[PIECE.addr], cell.addr) - cell.addr;
      const to = Math.min(piece[PIECE.addr] + piece[PIECE.len], cell.addr + cell.len) - cell.addr;
      if (to <= from) continue;
      const left = x + (from / cell.len) * full;
      const wide = Math.max(0.8, ((to - from) / cell.len) * full);
      this.fill(piece, left, y, wide);
      if (piece[PIECE.addr] >= cell.addr) this.edge(left, y, wide);
      this.note(p, left, y, wide, row);
    }
  }

  fill(piece, x, y, w) {
    const c = this.context, owner = piece[PIECE.owner];
    c.globalAlpha = marked() === null || marked() === owner ? 1 : 0.18;
    c.fillStyle = this.colours[owner];
    c.fillRect(x, y, w, this.cellHeight);
    c.globalAlpha = 1;
  }

  // A line where a piece begins, to separate adjacent ones of one colour.
  edge(x, y, w) {
    if (w < 4) return;
    this.context.fillStyle = this.paint("--card");
    this.context.fillRect(x - 0.5, y, 1, this.cellHeight);
  }

  // Remember where a piece may show its name: once per piece, in its widest row.
  note(p, x, y, w, row) {
    const last = this.labels.at(-1);
    if (last && last.p === p && last.row === row) last.w = x + w - last.x;
    else this.labels.push({ p, x, y, w, row });
  }

  drawLabels() {
    const c = this.context, widest = new Map();
    for (const spot of this.labels)
      if (spot.w > (widest.get(spot.p)?.w ?? 0) + 1) widest.set(spot.p, spot);
    c.font = "12px system-ui, 'DejaVu Sans', sans-serif";
    c.textBaseline = "middle";
    for (const { p, x, y, w } of widest.values()) {
      const owner = owners[D.pieces[p][PIECE.owner]];
      const text = D.pieces[p][PIECE.zone] || (owner.kind === "heap" ? "rte_malloc" : owner.name);
      if (this.cellHeight < 26 || c.measureText(text).width + 14 > w) continue;
      c.globalAlpha = marked() === null || marked() === owner.id ? 1 : 0.3;
      c.fillStyle = owner.kind === FREE ? this.paint("--soft") : this.paint("--on");
      c.fillText(text, x + 7, y + this.cellHeight / 2 + 0.5);
      c.globalAlpha = 1;
    }
  }

  drawAddresses() {
    if (!this.margin) return;
    const c = this.context;
    c.font = "11px ui-monospace, 'DejaVu Sans Mono', monospace";
    c.fillStyle = this.paint("--soft");
    c.textBaseline = "middle";
    for (let row = 0; row < this.rows; row++)
      c.fillText(hex(this.cells[row * this.columns].addr), 0,
        row * (this.cellHeight + 3) + this.cellHeight / 2);
  }

  // The cell and address under the pointer.
  find(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left - this.margin, y = event.clientY - box.top;
    const column = Math.floor(x / this.cellWidth), row = Math.floor(y / (this.cellHeight + 3));
    const cell = this.cells[row * this.columns + column];
    if (x < 0 || column >= this.columns || !cell) return null;
    if (cell.gap) return { cell };
    const part = Math.min(1, (x - column * this.cellWidth) / (this.cellWidth - 1.5));
    const offset = Math.min(cell.len - 1, Math.floor(part * this.perCell * this.pageSize));
    const piece = D.pieces[at(D.pieces, cell.addr + offset)];
    return { cell, piece, addr: cell.addr + offset };
  }

  point(event) {
    const found = this.find(event);
    if (!found?.piece) {
      mark({ hovered: null });
      if (!found) return hideTip();
      const pages = found.cell.len / this.pageSize;
      return showTip(event, "Reserved, not mapped", [
        ["addresses", `from ${hex(found.cell.addr)}`],
        ["room for", `${count(pages)} pages, ${size(found.cell.len)}`],
      ]);
    }
    const { piece, addr, cell } = found, owner = owners[piece[PIECE.owner]];
    mark({ hovered: owner.id });
    showTip(event, piece[PIECE.zone] || label(owner), this.facts(piece, owner, addr, cell));
  }

  facts(piece, owner, addr, cell) {
    const page = addr - ((addr - cell.run[0]) % this.pageSize);
    const iova = cell.run[1] === null ? null : cell.run[1] + (page - cell.run[0]);
    const whose = KINDS[owner.kind] && piece[PIECE.zone] !== owner.name
      ? [["belongs to", `${KINDS[owner.kind]} ${owner.name}`]] : [];
    const blocks = piece[PIECE.blocks] > 1 ? ` in ${count(piece[PIECE.blocks])} blocks` : "";
    return [
      ...whose,
      ["address", hex(piece[PIECE.addr])],
      ["size", size(piece[PIECE.len]) + blocks],
      ["this page", `${hex(page)}, ${size(this.pageSize)}, ${node(cell.run[4])}`],
      ["its IOVA", hex(iova)],
    ];
  }

  keep(event) {
    const owner = this.find(event)?.piece?.[PIECE.owner] ?? null;
    mark({ kept: marks.kept === owner ? null : owner });
  }
}

function showMaps() {
  const place = document.getElementById("maps"), tapes = [];
  const unused = D.lists.filter(([, , , , , , used]) => !used);
  for (const list of D.lists.filter(([, , , , , , used]) => used)) {
    const [name, base, pageSize, length, socket, pages, used, external] = list;
    const tape = new Tape(list);
    const grouped = tape.perCell > 1 ? `, a cell is ${tape.perCell} pages` : "";
    place.append(make("div", { class: "list" },
      make("h3", {}, name, make("span", {}, `${node(socket)}${external ? ", external" : ""}: `
        + `${count(used)} of ${count(pages)} pages of ${size(pageSize)} mapped, ${size(used * pageSize)}`
        + ` of ${size(length)} reserved from ${hex(base)}${grouped}`)),
      make("div", { class: "reserved", title: "mapped, of what is reserved" },
        make("i", { style: { width: `${(100 * used) / pages}%` } })),
      tape.canvas));
    tapes.push(tape);
  }
  if (unused.length)
    place.append(make("p", { class: "empty" }, `Reserved and empty: ${unused
      .map(([name, , pageSize, length]) => `${name} (${size(length)} for pages of ${size(pageSize)})`)
      .join(", ")}.`));
  const draw = () => tapes.forEach((tape) => tape.draw());
  marks.redraw.push(() => requestAnimationFrame(draw));
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}
