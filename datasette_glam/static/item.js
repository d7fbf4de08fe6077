// The page of a picture works without this script. With it, the left and right arrow keys lead to
// the pictures before and after it, and a button copies its address.
document.addEventListener("DOMContentLoaded", () => {
  document.addEventListener("keydown", (event) => {
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    const busy = "input, textarea, select, [contenteditable], dialog, .glam-pictures *";
    if (!rel || event.defaultPrevented || event.target.closest?.(busy)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    document.querySelector(`.glam-place a[rel=${rel}]`)?.click();
  });

  // Back to the place in the results that one came from, if one came from there just now.
  const back = document.querySelector(".glam-back");
  back?.addEventListener("click", (event) => {
    const from = document.referrer && new URL(document.referrer);
    const to = new URL(back.href);
    if (!from || from.origin !== to.origin || from.pathname !== to.pathname) return;
    event.preventDefault();
    history.back();
  });

  const button = document.getElementById("glam-copy");
  const said = document.getElementById("glam-copied");
  // Only pages with https, and those of this computer, have the clipboard.
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");
    field.value = text;
    button.after(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    button.focus();
    if (!done) throw new Error("not copied");
  };
  button.hidden = false;
  button.addEventListener("click", () =>
    copy(button.value).then(
      () => (said.textContent = "The link is copied."),
      () => (said.textContent = button.value)
    )
  );
});
