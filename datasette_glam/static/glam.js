// The page works without this script. With it: upload by choosing, dropping or pasting a
// picture, "/" goes to the box, arrow keys move between pictures.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("glam-upload");
  const pictures = () => [...document.querySelectorAll("a.glam-picture")];

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const box = document.getElementById("glam-q");
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && box) {
      event.preventDefault();
      box.focus();
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const here = pictures().indexOf(document.activeElement);
    if (step && here >= 0 && pictures()[here + step]) {
      event.preventDefault();
      pictures()[here + step].focus();
    }
  });

  if (!form) return;
  form.hidden = false;
  const results = () => document.getElementById("glam-results");

  const say = (text) => {
    const message = document.createElement("p");
    message.className = "glam-message";
    message.textContent = text;
    results().replaceChildren(message);
  };

  const upload = async (file) => {
    if (!file) return;
    say("Looking for pictures like yours …");
    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: file,
        headers: {
          "content-type": "application/octet-stream",
          "x-csrftoken": form.elements.csrftoken.value,
        },
      });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const found = page.getElementById("glam-results");
      if (found) results().replaceWith(found);
      else say("The picture could not be searched (" + response.status + ").");
    } catch (error) {
      say("The picture could not be sent.");
    }
  };

  form.elements["glam-file"].addEventListener("change", (e) => upload(e.target.files[0]));
  document.addEventListener("paste", (e) => {
    const file = [...(e.clipboardData?.files || [])].find((f) => f.type.startsWith("image/"));
    if (file) {
      e.preventDefault();
      upload(file);
    }
  });
  document.addEventListener("dragover", (e) => {
    e.preventDefault();
    form.classList.add("glam-over");
  });
  document.addEventListener("dragleave", () => form.classList.remove("glam-over"));
  document.addEventListener("drop", (e) => {
    e.preventDefault();
    form.classList.remove("glam-over");
    upload(e.dataTransfer.files[0]);
  });
});
