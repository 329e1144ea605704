// Figures as the lines of an INFO section.

export const infoLines = (figures: object): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join("");
