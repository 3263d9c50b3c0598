import { describe, expect, it } from "vitest";
import { formatAnswer } from "../../../cli/output.ts";

describe("formatAnswer", () => {
  it("aligns the fields of one record", () => {
    expect(formatAnswer({ accountId: "1", displayName: "alt" })).toBe("accountId    1\ndisplayName  alt\n");
  });

  it("aligns a list as a table", () => {
    const keys = [
      { accessKeyId: "AKIA1", status: "Active" },
      { accessKeyId: "AKIA22", status: "Inactive" },
    ];
    expect(formatAnswer({ keys })).toBe("accessKeyId  status\nAKIA1        Active\nAKIA22       Inactive\n");
  });

  it("has a column for every field that one of a list has", () => {
    const keys = [{ accessKeyId: "AKIA1" }, { accessKeyId: "AKIA2", userName: "uploader" }];
    expect(formatAnswer({ keys })).toBe("accessKeyId  userName\nAKIA1\nAKIA2        uploader\n");
  });

  it("says so when a list is empty, and nothing for no answer", () => {
    expect(formatAnswer({ keys: [] })).toBe("(none)\n");
    expect(formatAnswer(undefined)).toBe("");
  });

  it("keeps control characters from the terminal", () => {
    expect(formatAnswer({ displayName: "a\u001b[2Jb" })).toBe("displayName  a?[2Jb\n");
  });
});
