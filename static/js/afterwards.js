// What nobody can use before the page is shown comes after it.
const bring = () => import("./later.js");

if (document.readyState === "complete") bring();
else addEventListener("load", bring, { once: true });
