"""The hosted demo: build the page and serve it."""

import argparse

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the page on this machine.")
    parser.add_argument("--host", help="address to listen on (default: this machine alone; 0.0.0.0 for all)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", default=None, help="also open a public link, Gradio's tunnel")
    parser.add_argument("--auth", metavar="NAME:PASSWORD", help="let in only who knows both")
    args = parser.parse_args()
    auth = tuple(args.auth.split(":", 1)) if args.auth else None
    if auth and len(auth) != 2:
        parser.error("--auth takes a name and a password with a colon between them.")
    try:
        from styler.demo import LAUNCH, build

        build().launch(server_name=args.host, server_port=args.port, share=args.share, auth=auth, **LAUNCH)
    except (ImportError, OSError, ValueError) as error:  # a package is missing, the port is taken, a setting is off
        parser.error(str(error))
