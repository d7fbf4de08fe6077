// Shows a picture as large as the window and, where there are tiles, up to every pixel of it.
// Without this script, the link opens the larger picture by itself.
document.addEventListener("DOMContentLoaded", () => {
  const KEEP = 300; // tiles, of which those not in view are removed first
  const STEP = 1.5;
  const PAN = 80; // pixels for each press of an arrow key
  const RETRY_MS = 2500;
  const TRIES = 8;

  const open = (link) => {
    const small = link.querySelector("img");
    const told = link.dataset.tiles;
    const width = Number(link.dataset.width) || small.naturalWidth;
    const height = Number(link.dataset.height) || small.naturalHeight;
    const side = Number(link.dataset.side);
    if (!width || !height) return false;

    const dialog = document.createElement("dialog");
    dialog.className = "glam-viewer";
    dialog.ariaLabel = small.alt;
    const stage = document.createElement("div");
    stage.className = "glam-stage";
    stage.tabIndex = 0;
    stage.setAttribute("role", "img");
    stage.ariaLabel = small.alt + ". Arrow keys move it, plus and minus change its size.";
    const layer = document.createElement("div");
    const base = new Image(width, height);
    base.src = link.href;
    base.alt = "";
    layer.append(base);
    stage.append(layer);
    const tools = document.createElement("div");
    tools.className = "glam-tools";
    const status = document.createElement("p");
    status.className = "glam-told";
    status.setAttribute("role", "status");
    dialog.append(stage, tools, status);
    document.body.append(dialog);
    dialog.showModal();
    stage.focus();

    let scale = 1, x = 0, y = 0; // the place of the picture's corner in the stage
    const tiles = new Map(); // level/column_row -> img
    const box = () => [stage.clientWidth, stage.clientHeight];
    const fitting = () => Math.min(box()[0] / width, box()[1] / height);
    const least = () => Math.min(1, fitting());
    const most = () => Math.max(4 / devicePixelRatio, 2 * fitting());

    // The picture stays in view: centred where it is smaller than the stage.
    const within = (place, length, room) =>
      length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, place));

    const draw = () => {
      const [w, h] = box();
      x = within(x, width * scale, w);
      y = within(y, height * scale, h);
      layer.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
      if (told) requestTiles(w, h);
    };

    const zoom = (factor, cx = box()[0] / 2, cy = box()[1] / 2) => {
      const next = Math.min(most(), Math.max(least(), scale * factor));
      x = cx - ((cx - x) * next) / scale;
      y = cy - ((cy - y) * next) / scale;
      scale = next;
      draw();
    };
    const fit = () => {
      scale = fitting();
      draw();
    };
    const pan = (dx, dy) => {
      x += dx;
      y += dy;
      draw();
    };

    // Those of the level that has at least a pixel for each of the screen's.
    const inView = (w, h) => {
      let level = Math.max(0, Math.floor(Math.log2(1 / (scale * devicePixelRatio)) + 0.01));
      const largest = Math.ceil(Math.log2(Math.max(width, height) / side));
      level = Math.min(level, Math.max(0, largest));
      const step = side * 2 ** level;
      const found = [];
      const lastColumn = Math.min(Math.ceil(width / step) - 1, Math.floor((w - x) / scale / step));
      const lastRow = Math.min(Math.ceil(height / step) - 1, Math.floor((h - y) / scale / step));
      for (let row = Math.max(0, Math.floor(-y / scale / step)); row <= lastRow; row++)
        for (let column = Math.max(0, Math.floor(-x / scale / step)); column <= lastColumn; column++)
          found.push({ key: `${level}/${column}_${row}`, level, step, column, row });
      return found;
    };

    const requestTiles = (w, h) => {
      // The picture below is enough where it has a pixel for each of the screen's.
      const enough = base.naturalWidth && base.naturalWidth >= width * scale * devicePixelRatio;
      const wanted = enough ? [] : inView(w, h);
      for (const one of wanted) if (!tiles.has(one.key)) add(one);
      const keys = new Set(wanted.map((one) => one.key));
      for (const [key, img] of tiles) {
        if (tiles.size <= KEEP && (keys.has(key) || img.complete)) continue;
        if (keys.has(key)) continue;
        img.remove();
        tiles.delete(key);
      }
    };

    const add = ({ key, level, step, column, row }, tries = 0) => {
      const img = new Image();
      const left = column * step, top = row * step;
      Object.assign(img.style, {
        left: left + "px",
        top: top + "px",
        width: Math.min(step, width - left) + "px",
        height: Math.min(step, height - top) + "px",
        zIndex: 20 - level,
      });
      img.alt = "";
      img.style.visibility = "hidden";
      tiles.set(key, img);
      img.onload = () => {
        img.style.visibility = "";
        status.textContent = "";
      };
      img.onerror = () => {
        if (tiles.get(key) !== img) return;
        img.remove();
        if (tries >= TRIES) {
          status.textContent = "This part cannot be shown larger.";
          return;
        }
        setTimeout(() => {
          if (dialog.open && tiles.get(key) === img) add({ key, level, step, column, row }, tries + 1);
        }, RETRY_MS);
      };
      if (!layer.querySelector("img + img")) status.textContent = "Loading details …";
      img.src = `${told}/${key}.jpg`;
      layer.append(img);
    };

    const close = () => dialog.close();
    for (const [text, label, act] of [
      ["+", "Larger", () => zoom(STEP)],
      ["−", "Smaller", () => zoom(1 / STEP)],
      ["⤢", "Whole picture", fit],
      ["✕", "Close", close],
    ]) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text, title: label, onclick: act });
      button.ariaLabel = label;
      tools.append(button);
    }

    dialog.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = {
        "+": () => zoom(STEP),
        "=": () => zoom(STEP),
        "-": () => zoom(1 / STEP),
        0: fit,
        ArrowLeft: () => pan(PAN, 0),
        ArrowRight: () => pan(-PAN, 0),
        ArrowUp: () => pan(0, PAN),
        ArrowDown: () => pan(0, -PAN),
      }[event.key];
      event.stopPropagation();
      if (!act) return;
      event.preventDefault();
      act();
    });

    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode ? 30 : 1;
      zoom(Math.exp(-event.deltaY * lines * 0.0015), event.clientX, event.clientY);
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => zoom(2, event.clientX, event.clientY));

    // One finger or the mouse moves the picture, two change its size.
    const fingers = new Map();
    const middle = () => {
      const all = [...fingers.values()];
      const cx = all.reduce((sum, one) => sum + one[0], 0) / all.length;
      const cy = all.reduce((sum, one) => sum + one[1], 0) / all.length;
      const apart = all.length > 1 ? Math.hypot(all[0][0] - all[1][0], all[0][1] - all[1][1]) : 0;
      return [cx, cy, apart];
    };
    stage.addEventListener("pointerdown", (event) => {
      stage.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    stage.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const [cx, cy, apart] = middle();
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      const [nx, ny, now] = middle();
      x += nx - cx;
      y += ny - cy;
      if (apart && now) zoom(now / apart, nx, ny);
      else draw();
    });
    for (const name of ["pointerup", "pointercancel"])
      stage.addEventListener(name, (event) => fingers.delete(event.pointerId));

    const resized = new ResizeObserver(() => (scale < least() ? fit() : draw()));
    resized.observe(stage);
    base.addEventListener("load", draw);
    dialog.addEventListener("close", () => {
      resized.disconnect();
      dialog.remove();
      link.focus();
    });
    fit();
    return true;
  };

  for (const link of document.querySelectorAll(".glam-enlarge"))
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (open(link)) event.preventDefault();
    });
});
