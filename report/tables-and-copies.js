// What the report and the dashboard have in common: tables that scroll, and buttons that copy the text before them.
const SCROLLING = ".scroll, .message > div";

// What can be scrolled can be reached with the keyboard.
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (scrolls) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("button.copy");
  if (copy === null) return;
  getSelection().selectAllChildren(copy.previousElementSibling);
  try {
    await navigator.clipboard.writeText(getSelection().toString());
    copy.textContent = "Copied";
  } catch {
    copy.textContent = "Selected: press Ctrl-C";
  }
});
