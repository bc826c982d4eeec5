// Which statuses of a call are its last.

const FINAL = ["completed", "timeout", "failed"];

export const isOver = (call) => FINAL.includes(call.status);
