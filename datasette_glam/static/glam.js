// The page works without this script. With it, a picture is uploaded as soon as it is selected,
// dropped or pasted, "/" moves to the search box, arrow keys move between pictures, and the buttons
// + and - under a picture add it to the search or subtract it with one click.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("glam-upload");
  const pictures = () => [...document.querySelectorAll(".glam-pictures li > a")];

  // The previous or next picture, or the nearest one in the row above or below.
  const beside = (here, key) => {
    const all = pictures();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step) return all[all.indexOf(here) + step];
    const sign = { ArrowDown: 1, ArrowUp: -1 }[key];
    const own = here.getBoundingClientRect();
    const distance = (box) => [
      Math.round(sign * (box.top - own.top)),
      Math.abs(box.left + box.right - own.left - own.right),
    ];
    return all
      .map((picture) => [picture, ...distance(picture.getBoundingClientRect())])
      .filter(([, rows]) => rows > 0)
      .sort((a, b) => a[1] - b[1] || a[2] - b[2])[0]?.[0];
  };

  const addButtons = () => {
    for (const box of document.querySelectorAll(".glam-pictures [name=_pick]"))
      for (const [name, sign, does] of [["_add", "+", "Add"], ["_subtract", "−", "Subtract"]]) {
        const button = document.createElement("button");
        const title = document.getElementById(box.getAttribute("aria-labelledby"));
        Object.assign(button, { name, value: box.value, textContent: sign });
        button.ariaLabel = does + " " + title.textContent;
        box.before(button);
      }
  };
  addButtons();

  // Handled before Datasette 1.0's own "/", which opens its menu.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = document.getElementById("glam-q");
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
    const here = document.activeElement;
    let to = null;
    if (event.key === "/" && !typing) to = box;
    else if (/^Arrow/.test(event.key) && here.matches(".glam-pictures li > a"))
      to = beside(here, event.key);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    to.focus();
  }, true);

  if (!form) return;
  const results = document.getElementById("glam-results");
  const say = (text) => (document.getElementById("glam-status").textContent = text);
  let latest = null;

  const upload = async (file) => {
    if (!file) return;
    latest = file;
    say("Searching for similar pictures …");
    const data = new FormData();
    data.set("picture", file);
    let text = "The picture could not be uploaded. Check the connection and try again.";
    try {
      const response = await fetch(form.action, { method: "POST", body: data });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const found = page.getElementById("glam-results");
      if (file !== latest) return;
      if (response.ok && found) {
        results.replaceChildren(...found.childNodes);
        addButtons();
        text = pictures().length + " similar pictures";
      } else
        text =
          found?.querySelector(".glam-message")?.textContent ||
          "The picture could not be searched (status " + response.status + "). Try again.";
    } catch {
      if (file !== latest) return;
    }
    say(text);
  };

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
    form.classList.add("glam-over");
  });
  document.addEventListener("dragleave", () => form.classList.remove("glam-over"));
  document.addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    form.classList.remove("glam-over");
    uploadFrom(event, event.dataTransfer.files[0]);
  });
});
