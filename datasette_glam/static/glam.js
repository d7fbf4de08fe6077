// The site works without this script. With it, a picture is searched as soon as it is chosen,
// dropped or pasted, further pictures are appended to the page, the selection stays in the address,
// the size of the pictures is remembered, and there are keys: see the panel behind "?".
(() => {
  const SIZE = "glam-size";
  const MOST_SELECTED = 100;
  const WIDE = 1600; // pixels, from which a page has room for twice as many pictures
  const setSize = (size) => (document.documentElement.dataset.glamSize = size);
  try {
    setSize(localStorage.getItem(SIZE) || "m");
  } catch {
    setSize("m"); // the browser keeps nothing for this site
  }

  document.addEventListener("DOMContentLoaded", () => {
    const results = document.getElementById("glam-results");
    const cards = () => [...document.querySelectorAll(".glam-pictures li > a")];
    const say = (text) => {
      const status = document.getElementById("glam-status");
      if (status) status.textContent = text;
    };
    const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
    const pageOf = async (response) =>
      new DOMParser().parseFromString(await response.text(), "text/html");

    // Keys
    // The previous or next picture, or the nearest one in the row above or below.
    const beside = (here, key) => {
      const all = cards();
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) return all[all.indexOf(here) + step];
      const sign = { ArrowDown: 1, ArrowUp: -1 }[key];
      const own = here.getBoundingClientRect();
      const distance = (box) => [
        Math.round(sign * (box.top - own.top)),
        Math.abs(box.left + box.right - own.left - own.right),
      ];
      return all
        .map((card) => [card, ...distance(card.getBoundingClientRect())])
        .filter(([, rows]) => rows > 0)
        .sort((a, b) => a[1] - b[1] || a[2] - b[2])[0]?.[0];
    };
    // A card is one tab stop, from which keys do what its actions do; a touch opens these.
    const LIKE = [["_add", "More like this"], ["_subtract", "Less like this"]];
    const prepareCards = () => {
      for (const actions of document.querySelectorAll(".glam-pictures li > p > span:first-child")) {
        const group = actions.parentElement;
        const title = group.parentElement.querySelector("a > span");
        Object.assign(group, { role: "group", ariaLabel: title?.textContent || "" });
        const box = actions.querySelector("[name=_pick]");
        for (const [name, textContent] of box ? LIKE : [])
          actions.append(make("button", { name, value: box.value, textContent }));
        actions.before(make("i", { tabIndex: -1, role: "button", ariaLabel: "Actions", textContent: "⋯" }));
        for (const action of actions.querySelectorAll("a, button, input")) action.tabIndex = -1;
      }
    };
    prepareCards();
    const ACTIONS = { s: "p a", "+": "[name=_add]", "-": "[name=_subtract]", x: "[name=_pick]" };

    // Handled before Datasette 1.0's own "/", which opens its menu.
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const typing = event.target.closest?.(
          "input:not([type=checkbox]), textarea, select, [contenteditable], dialog",
        );
        const here = document.activeElement;
        const isCard = here.matches(".glam-pictures li > a");
        const action = isCard && here.parentElement.querySelector(ACTIONS[event.key] || "none");
        let to = null;
        if (event.key === "/" && !typing) to = document.getElementById("glam-q");
        else if (isCard && /^Arrow/.test(event.key)) to = beside(here, event.key);
        if (!to && !action) return;
        event.preventDefault();
        event.stopPropagation();
        if (to) to.focus();
        else action.click();
      },
      true,
    );

    // Size
    const markSize = () => {
      for (const button of document.querySelectorAll(".glam-sizes button"))
        button.ariaPressed = button.value === document.documentElement.dataset.glamSize;
    };
    markSize();

    // The selection
    const addressed = () => new URL(location.href).searchParams.getAll("_pick");
    const keepSelection = (url, ids) => {
      url.searchParams.delete("_pick");
      for (const id of ids) url.searchParams.append("_pick", id);
      return url;
    };
    const select = (box) => {
      const ids = new Set(addressed());
      if (box.checked && ids.size >= MOST_SELECTED) {
        box.checked = false;
        say("At most " + MOST_SELECTED + " pictures can be selected.");
        return;
      }
      ids[box.checked ? "add" : "delete"](box.value);
      history.replaceState(null, "", keepSelection(new URL(location.href), ids));
      const bar = document.querySelector(".glam-bar");
      document.getElementById("glam-number").textContent = ids.size;
      bar.classList.toggle("glam-on", ids.size > 0);
      for (const hidden of document.querySelectorAll("[type=hidden][name=_pick]")) hidden.remove();
      for (const form of [bar.form || bar.closest("form"), document.getElementById("glam-search")])
        for (const id of ids) {
          if (form.querySelector(`[name=_pick][value="${CSS.escape(id)}"]`)) continue;
          form.prepend(make("input", { type: "hidden", name: "_pick", value: id }));
        }
    };
    document.addEventListener("change", (event) => {
      if (event.target.name === "_pick") select(event.target);
    });
    // Links within the collection take along what was selected since the page was made.
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("main a[href]");
      const gallery = document.getElementById("glam-search")?.action;
      if (!link || !gallery || !results || !link.href.startsWith(gallery)) return;
      if (link.id === "glam-clear" || /\.(csv|xlsx|html|json)\?/.test(link.href)) return;
      link.href = keepSelection(new URL(link.href), addressed());
    });

    // Further pictures
    const LIST = "#glam-selection .glam-pictures";
    const appendMore = async (link, mayFocus) => {
      link.setAttribute("aria-busy", "true");
      const response = await fetch(link.href);
      const found = response.ok && (await pageOf(response)).getElementById("glam-results");
      const more = found && found.querySelectorAll(LIST + " > li");
      if (!more?.length) throw new Error("no pictures");
      document.querySelector(LIST).append(...more);
      prepareCards();
      const pager = found.querySelector(".glam-pager");
      pager.querySelector("[rel=prev]")?.remove();
      link.closest(".glam-pager").replaceWith(pager);
      const shown = document.querySelector(".glam-count");
      shown.textContent = found
        .querySelector(".glam-count")
        .textContent.replace(/^[\d,]+/, shown.textContent.match(/^[\d,]+/)?.[0] || "1");
      if (mayFocus) more[0].querySelector("a").focus({ preventScroll: true });
    };
    const nextLink = () => document.querySelector(".glam-pager a[rel=next]");
    // Whoever comes back to the page finds it as long as it was, and at the same place.
    const place = "glam-place " + location.href;
    const comeBack = async () => {
      const { number, top } = JSON.parse(sessionStorage.getItem(place) || "{}");
      if (performance.getEntriesByType("navigation")[0]?.type !== "back_forward" || !number)
        return nextLink() && window.innerWidth >= WIDE && appendMore(nextLink(), false);
      const length = () => document.querySelectorAll(LIST + " > li").length;
      while (nextLink() && length() < number) await appendMore(nextLink(), false);
      window.scrollTo(0, top);
    };
    if (results) {
      comeBack().catch(() => {});
      window.addEventListener("pagehide", () => {
        const number = document.querySelectorAll(LIST + " > li").length;
        sessionStorage.setItem(place, JSON.stringify({ number, top: window.scrollY }));
      });
    }

    document.addEventListener("click", (event) => {
      const size = event.target.closest?.(".glam-sizes button");
      if (size) {
        setSize(size.value);
        markSize();
        try {
          localStorage.setItem(SIZE, size.value);
        } catch {} // it then lasts as long as the page
      }
      const link = event.target.closest?.(".glam-pager a[rel=next]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!link.ariaBusy) appendMore(link, true).catch(() => location.assign(link.href));
    });

    // A picture of one's own
    const form = document.getElementById("glam-upload");
    if (!form) return;
    let latest = null;

    const upload = async (file) => {
      if (!file) return;
      latest = file;
      form.parentElement.open = false;
      say("Searching for similar pictures …");
      const data = new FormData();
      data.set("picture", file);
      let text = "The picture could not be uploaded. Check the connection and try again.";
      try {
        const response = await fetch(form.action, { method: "POST", body: data });
        const page = await pageOf(response);
        const found = page.getElementById("glam-results");
        if (file !== latest) return;
        if (response.ok && found) {
          const old = results || document.getElementById("glam-main");
          old.replaceChildren(...found.childNodes);
          markSize();
          prepareCards();
          document.dispatchEvent(new Event("glam-results"));
          window.scrollTo(0, 0);
          text = cards().length + " similar pictures";
        } else
          text =
            found?.querySelector(".glam-message")?.textContent ||
            "The picture could not be searched (status " + response.status + "). Try again.";
      } catch {
        if (file !== latest) return;
      }
      say(text);
    };

    // Filters of the pictures similar to an upload, which has no address of its own.
    document.getElementById("glam-search").addEventListener("submit", (event) => {
      const box = document.getElementById("glam-q");
      if (!latest || box.value.trim() || !document.querySelector(".glam-uploaded")) return;
      event.preventDefault();
      const query = new URLSearchParams(new FormData(event.target));
      form.action = form.action.split("?")[0] + "?" + query;
      upload(latest);
    });
    const input = form.elements.picture;
    const isFile = (event) => event.dataTransfer?.types.includes("Files");
    const uploadFrom = (event, file) => {
      event.preventDefault();
      input.value = "";
      upload(file);
    };
    input.addEventListener("change", () => upload(input.files[0]));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      upload(input.files[0]);
    });
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files || [])];
      const file = files.find((f) => f.type.startsWith("image/"));
      if (file) uploadFrom(event, file);
    });
    document.addEventListener("dragover", (event) => {
      if (!isFile(event)) return;
      event.preventDefault();
      document.body.classList.add("glam-over");
    });
    document.addEventListener("dragleave", () => document.body.classList.remove("glam-over"));
    document.addEventListener("drop", (event) => {
      if (!isFile(event)) return;
      document.body.classList.remove("glam-over");
      uploadFrom(event, event.dataTransfer.files[0]);
    });
    // A panel closes by Escape and by a click beside it.
    const close = () => {
      for (const panel of document.querySelectorAll(".glam-head details[open]")) panel.open = false;
    };
    document.addEventListener("keydown", (event) => event.key === "Escape" && close());
    document.addEventListener("click", (event) => {
      if (!event.target.closest?.(".glam-head details")) close();
    });
  });
})();
