/** The frame of all pages: sign-in, navigation, the page that the URL names. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Config } from "./config.ts";
import { link, parseRoute, type Route } from "./lib/router.ts";
import { useStore } from "./lib/store.ts";
import { findPage, HOME, navigationOf } from "./pages/all-pages.ts";
import type { Page, PageProps } from "./pages/page.ts";
import { SignIn } from "./pages/sign-in.tsx";
import { type Session, session, signOut } from "./session.ts";
import { ErrorBox, Loading, PageHeader } from "./ui/basics.tsx";
import { Toasts } from "./ui/toast.tsx";
import { SessionContext, useLoad } from "./ui/use.ts";
import { UploadsPanel } from "./uploads/panel.tsx";

const TITLE = "workers-s3 console";

export function App({ config }: { readonly config: Config }) {
  const current = useStore(session);
  useEffect(() => {
    if (current === undefined) document.title = `Sign in · ${TITLE}`;
  }, [current]);
  return (
    <>
      <button type="button" class="skip" onClick={skipToMain}>
        Skip to the content
      </button>
      {current === undefined ? (
        <SignIn config={config} />
      ) : (
        <SessionContext.Provider value={current}>
          <Frame session={current} />
        </SessionContext.Provider>
      )}
      <Toasts />
    </>
  );
}

/** A button and not a link, because the fragment of the URL is the route. */
function skipToMain(): void {
  document.querySelector<HTMLElement>("#page-title, #main input")?.focus();
}

function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const update = () => setHash(location.hash);
    addEventListener("hashchange", update);
    // It may have changed before anyone listened.
    update();
    return () => removeEventListener("hashchange", update);
  }, []);
  return parseRoute(hash);
}

function Frame({ session: { identity, isDeploymentRoot } }: { readonly session: Session }) {
  const route = useRoute();
  const isHome = route.segments.length === 0;
  const found = findPage(isHome ? parseRoute(`#${HOME}`) : route);
  const area = `/${route.segments[0] ?? HOME.slice(1)}`;
  return (
    <>
      <header class="top">
        <a class="brand" href={link(HOME)}>
          workers-s3
        </a>
        <nav aria-label="Main">
          {navigationOf(isDeploymentRoot).map(({ label, path }) => (
            <a key={path} href={link(path)} aria-current={path === area ? "page" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <div class="who">
          <span title={identity.arn}>{nameOf(identity.arn)}</span>
          <button type="button" onClick={() => signOut()}>
            Sign out
          </button>
        </div>
      </header>
      <main id="main">
        {found === undefined ? (
          <PageHeader title="There is no such page" />
        ) : (
          <LoadedPage key={found.page.path} page={found.page} props={found.props} />
        )}
      </main>
      <UploadsPanel />
    </>
  );
}

/** `root` or a user's name. */
function nameOf(arn: string): string {
  return arn.split(/[:/]/).at(-1) ?? arn;
}

function LoadedPage({ page, props }: { readonly page: Page; readonly props: PageProps }) {
  const [loaded] = useLoad(async (): Promise<{ Component: ComponentType<PageProps> }> => {
    return { Component: await page.load() };
  }, [page]);
  const title = page.title(props);
  const isLoaded = loaded.state === "loaded";
  useEffect(() => {
    document.title = `${title} · ${TITLE}`;
  }, [title]);
  // A screen reader then reads the heading of the new page, and the Tab key goes on from it.
  useEffect(() => {
    if (isLoaded) document.getElementById("page-title")?.focus({ preventScroll: true });
  }, [isLoaded]);
  switch (loaded.state) {
    case "loading":
      return <Loading />;
    case "failed":
      return <ErrorBox error={loaded.error} />;
    case "loaded": {
      const { Component } = loaded.value;
      return <Component {...props} />;
    }
    default:
      return loaded satisfies never;
  }
}
