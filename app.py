"""The ASGI entry: the app behind its security headers, uploads to disk (`streamlit run app.py`)."""

import streamlit as st
from starlette.middleware import Middleware

from persmark.ui.uploads import Uploads
from persmark.ui.web import Headers

app = st.App("persmark/ui/shell.py", middleware=[Middleware(Headers), Middleware(Uploads)])
