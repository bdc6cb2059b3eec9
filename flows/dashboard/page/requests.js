// The login, and the requests of people: a form asks for the name and the reason, and both are recorded.
"use strict";

const NAME = "overnight-name";
const NEXT = "overnight-next";

async function post(address, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    found = { problem: text };
  }
  if (!answer.ok) throw new Error(found.problem ?? text);
  return found;
}

// The printed address holds the token after `#`, which browsers send to nobody; it is removed from the address at once.
async function log_in_by_address() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    await post("/login", { token });
    location.replace(location.pathname === "/login" ? "/" : location.pathname + location.search);
  } catch (problem) {
    document.getElementById("news").textContent = problem.message;
    alert(problem.message);
  }
}
log_in_by_address();
addEventListener("hashchange", log_in_by_address);

document.getElementById("login")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  try {
    await post("/login", { token: form.elements.token.value });
    location.assign(sessionStorage.getItem(NEXT) ?? "/");
    sessionStorage.removeItem(NEXT);
  } catch (problem) {
    form.querySelector("[role=alert]").textContent = problem.message;
    form.elements.token.select();
  }
});
document.getElementById("logout")?.addEventListener("click", async () => {
  await post("/logout", {});
  location.reload();
});

// A button opens the form of its request, after a login if there was none.
const dialog = document.getElementById("ask");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-act]");
  if (button === null) return;
  if (document.body.dataset.acts !== "yes") {
    sessionStorage.setItem(NEXT, location.pathname + location.search);
    return location.assign("/login");
  }
  const campaign = location.pathname.split("/").slice(0, 3).join("/");
  const of = button.dataset.trial ? `?trial=${button.dataset.trial}` : "";
  const answer = await fetch(`${campaign}/forms/${button.dataset.act}${of}`);
  if (!answer.ok) return void (document.getElementById("news").textContent = await answer.text());
  dialog.innerHTML = await answer.text();
  const form = dialog.querySelector("form");
  form.elements.who.value = localStorage.getItem(NAME) ?? "";
  show_bounds(form);
  dialog.showModal();
  (form.querySelector("select, input:not([type=hidden])[name^='point'], input[name^='bounds'], input[name^='measured'], textarea.code") ?? (form.elements.who.value ? form.elements.why : form.elements.who)).focus();
});

// The present bounds are filled in for the parameter that is chosen.
function show_bounds(form) {
  const chosen = form.elements.parameter?.selectedOptions[0];
  for (const bound of chosen ? ["low", "high"] : []) form.elements[`bounds:${bound}`].value = chosen.dataset[bound];
}
dialog.addEventListener("change", (event) => event.target.name === "parameter" && show_bounds(event.target.form));
dialog.addEventListener("click", (event) => event.target.closest("[data-close]") && dialog.close());

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, body = {};
  for (const [name, value] of new FormData(form)) {
    const [part, ...key] = name.split(":");
    if (key.length) (body[part] ??= {})[key.join(":")] = value;
    else body[part] = part === "trial" || part === "revision" ? Number(value) : value;
  }
  localStorage.setItem(NAME, body.who);
  const send = form.querySelector("[type=submit]");
  send.disabled = true;
  try {
    const found = await post(form.dataset.address, body);
    dialog.close();
    tell(found.said);
    parts.forEach((part) => part.refresh(true));
  } catch (problem) {
    form.querySelector("[role=alert]").textContent = problem.message;
  }
  send.disabled = false;
});

// What was written stays on the page until the next request.
function tell(text) {
  let note = document.getElementById("said");
  if (note === null) {
    note = document.createElement("section");
    note.id = "said";
    note.setAttribute("role", "status");
    document.getElementById("content").prepend(note);
  }
  note.textContent = text;
}
