// Which page an address means: "#/calls/42?page=2" is the page "/calls/:id" with its parameters.

/** The page and parameters of a location hash, or `null`. `routes` are pairs of pattern and page. */
export function match(routes, hash) {
  const [path, search = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const parts = split(path);
  for (const [pattern, page] of routes) {
    const wanted = split(pattern);
    if (wanted.length !== parts.length) continue;
    const params = {};
    const fits = wanted.every((part, i) => {
      if (!part.startsWith(":")) return part === parts[i];
      params[part.slice(1)] = decoded(parts[i]);
      return true;
    });
    if (fits) return { page, params, query: Object.fromEntries(new URLSearchParams(search)) };
  }
  return null;
}

/** The hash of a page: `link("/calls", { page: 2 })`. */
export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  return `#${path}${search && `?${search}`}`;
}

const split = (path) => path.split("/").filter((part) => part !== "");

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
