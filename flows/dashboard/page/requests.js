// The login, and the requests of people: a form asks for the name and the reason, and both are recorded.
"use strict";

const NAME = "overnight-name";

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
    location.assign("/");
  } catch (problem) {
    form.querySelector("[role=alert]").textContent = problem.message;
    form.elements.token.select();
  }
});
document.getElementById("logout")?.addEventListener("click", async () => {
  await post("/logout", {});
  location.reload();
});
