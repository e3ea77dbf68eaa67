# The page on a machine without a GPU: docker build -t styler . && docker run -p 7860:7860 styler
FROM python:3.12-slim
WORKDIR /app
RUN useradd --create-home styler
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER styler
ENV GRADIO_ANALYTICS_ENABLED=False
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", \
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/health', timeout=5)"]
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
