"""``styler-demo``, and ``python app.py``: the page, served."""

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the page and serve it until it is stopped."""
    parser = argparse.ArgumentParser(description="Serve the page on this machine.")
    parser.add_argument("--host", help="address to listen on (default: this machine only; 0.0.0.0 for all addresses)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", default=None, help="also open a public link by Gradio's tunnel")
    parser.add_argument("--auth", metavar="NAME:PASSWORD", help="let in only visitors who know both")
    args = parser.parse_args(arguments)
    auth = tuple(args.auth.split(":", 1)) if args.auth else None
    if auth and len(auth) != 2:
        parser.error("--auth takes a name and a password with a colon between them.")
    try:
        from styler import demo

        demo.build().launch(server_name=args.host, server_port=args.port, share=args.share, auth=auth, **demo.LAUNCH)
    except (ImportError, OSError, ValueError) as error:  # a package is missing, the port is taken, a setting is wrong
        parser.error(str(error))
