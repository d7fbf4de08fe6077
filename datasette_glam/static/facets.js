// The filters work without this script, by their button Apply. With it, the search starts again as
// soon as a value or a range is changed, the focus stays where it was, and a button beside each
// value leaves its pictures out.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("glam-search");
  if (!form) return;
  const KEY = "glam-filters";

  const submit = (control) => {
    const { name, value, type } = control;
    const filters = control.closest(".glam-filters");
    const place = [name, type === "text" ? null : value, filters.scrollTop];
    sessionStorage.setItem(KEY, JSON.stringify([...place, !!document.querySelector(".glam-narrow[open]")]));
    form.requestSubmit();
  };

  const prepare = () => {
    const filters = document.querySelector(".glam-filters");
    if (!filters) return;
    // Datasette closes details wherever one clicks outside of them.
    filters.addEventListener("click", (event) => event.stopPropagation());
    filters.addEventListener("change", (event) => {
      if (!event.target.closest(".glam-more")) submit(event.target);
    });

    // After the page has come back, as if it had never left.
    const [name, value, top, wasOpen] = JSON.parse(sessionStorage.getItem(KEY) || "[]");
    sessionStorage.removeItem(KEY);
    if (name) {
      const panel = document.querySelector(".glam-narrow");
      if (panel) panel.open = wasOpen;
      const here = [...filters.querySelectorAll("input")].find(
        (one) => one.name === name && (value === null || one.value === value)
      );
      const list = here?.closest("details");
      if (list) list.open = true;
      here?.focus({ preventScroll: true });
      filters.scrollTop = top;
    }

    for (const box of filters.querySelectorAll("[type=checkbox]:not(:checked)")) {
      const button = document.createElement("button");
      const text = "Leave out " + box.nextElementSibling.textContent;
      Object.assign(button, { type: "button", textContent: "−", title: text, ariaLabel: text });
      button.tabIndex = -1; // one tab stop a value, unless it has the focus
      const row = box.closest("li");
      row.addEventListener("focusin", () => (button.tabIndex = 0));
      row.addEventListener("focusout", (event) => {
        if (!row.contains(event.relatedTarget)) button.tabIndex = -1;
      });
      button.addEventListener("click", () => {
        const field = document.createElement("input");
        Object.assign(field, { type: "hidden", name: "_except", value: box.value });
        form.append(field);
        submit(box);
      });
      box.closest("label").after(button);
    }
  };
  prepare();
  document.addEventListener("glam-results", prepare);
});
