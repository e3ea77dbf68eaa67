"""The hosted demo: build the page and serve it."""

import argparse

from styler.demo import LAUNCH, build

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the page on this machine.")
    parser.add_argument("--host", help="address to listen on (default: this machine alone; 0.0.0.0 for all)")
    parser.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="also open a public link through Gradio's tunnel")
    args = parser.parse_args()
    try:
        build().launch(server_name=args.host, server_port=args.port, share=args.share, **LAUNCH)
    except OSError as error:  # the port is taken, or the address is not this machine's
        parser.error(str(error))
