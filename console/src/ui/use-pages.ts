import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Listing, type LoadPage, PagedList } from "../lib/pages-of.ts";

const NOTHING = { rows: [], isComplete: false, isLoading: true, error: undefined };

export interface PagedRows<Row> extends Listing<Row> {
  readonly loadMore: () => void;
  readonly reload: () => void;
}

/** Lists again when one of `inputs` changes. The rows of the same inputs stay while they are listed again. */
export function usePages<Row, Position>(load: LoadPage<Row, Position>, inputs: readonly unknown[]): PagedRows<Row> {
  const [listing, setListing] = useState<Listing<Row>>(NOTHING);
  const [round, setRound] = useState(0);
  const list = useRef<PagedList<Row, Position> | undefined>(undefined);
  useEffect(() => setListing(NOTHING), inputs);
  useEffect(() => {
    const current = new PagedList(load, (changed) => {
      if (changed.rows.length > 0 || !changed.isLoading) setListing(changed);
    });
    list.current = current;
    void current.loadMore();
    return () => current.stop();
  }, [...inputs, round]);
  const loadMore = useCallback(() => void list.current?.loadMore(), []);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return { ...listing, loadMore, reload };
}
